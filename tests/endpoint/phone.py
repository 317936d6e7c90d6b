# SPDX-License-Identifier: Apache-2.0
"""baresip: an ordinary softphone, steered over its control socket."""

import json
import socket
import subprocess
import time
from pathlib import Path

CONFIG = """\
poll_method poll
sip_listen {address}:{port}
call_max_calls 4
audio_player aubridge,nobody
audio_source ausine,{tone}
audio_alert aufile,/dev/null
audio_channels 1-2
ausrc_channels 2
auplay_channels 1
ausrc_srate 48000
auplay_srate 48000
audio_buffer 20-160
rtp_ports {rtp}
rtcp_mux no
opus_bitrate 32000
opus_cbr yes
opus_stereo no
opus_sprop_stereo no
module_path /usr/lib/baresip/modules
module opus.so
module g711.so
module ausine.so
module aufile.so
module aubridge.so
module sndfile.so
snd_path {folder}
module avcodec.so
module vp8.so
module fakevideo.so
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x240
video_fps 15
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:4444
"""


class Phone:
    def __init__(self, folder, user, address, tone, codecs, options=""):
        self.folder = Path(folder) / f"phone-{user}"
        self.folder.mkdir()
        self.address, self.port = address, 5110
        self.uri = f"sip:{user}@{address}:{self.port}"
        (self.folder / "config").write_text(CONFIG.format(
            address=address, port=self.port, folder=self.folder, tone=tone,
            rtp="30000-30999"))
        (self.folder / "accounts").write_text(
            f"<sip:{user}@{address}:{self.port}>;regint=0;"
            f"audio_codecs={codecs}{options}\n")
        self.out = open(self.folder / "out", "w+b")
        self.child = subprocess.Popen(["baresip", "-f", str(self.folder)],
                                      stdin=subprocess.DEVNULL,
                                      stdout=self.out,
                                      stderr=subprocess.STDOUT)
        for _ in range(100):
            try:
                self.control = socket.create_connection((address, 4444), 5)
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise AssertionError(self.text())

    def text(self):
        self.out.seek(0)
        return self.out.read().decode("utf-8", "replace")

    def say(self, command, params=""):
        data = json.dumps({"command": command, "params": params})
        self.control.sendall(f"{len(data)}:{data},".encode())

    @property
    def heard(self):
        """What it decoded, as its sndfile filter wrote it."""
        return next(self.folder.glob("dump-*-dec.wav"))

    def close(self):
        self.control.close()
        self.child.terminate()
        try:
            self.child.wait(8)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.out.close()
