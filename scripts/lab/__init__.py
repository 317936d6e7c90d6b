# SPDX-License-Identifier: Apache-2.0
"""What the demo and the whole-call tests share: namespaces, the gateway's
programs, phones, sound and captures."""
