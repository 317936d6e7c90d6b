# SPDX-License-Identifier: Apache-2.0
"""What scripts/demo plays, one act after another."""
