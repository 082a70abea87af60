"""A film in the form of HTTP Live Streaming (RFC 8216), made of the finished film without encoding it again."""

from __future__ import annotations

from pathlib import Path

import av

LIST, FRAGMENTS = "film.m3u8", "film.m4s"
_SECONDS_OF_FRAGMENT = 6
"""Players ask for about so many seconds at once; a fragment begins with a key frame, of which there is one in two."""


def write_hls(film: Path) -> None:
    """Write list and fragments of an MP4 file beside it; they get their names when they are complete.

    All fragments (CMAF) lie in one file, of which the list names the parts by their bytes.
    """
    new_list, new_fragments = film.with_name(f"new-{LIST}"), film.with_name(f"new-{FRAGMENTS}")
    options = {
        "hls_time": str(_SECONDS_OF_FRAGMENT),
        "hls_playlist_type": "vod",
        "hls_segment_type": "fmp4",
        "hls_flags": "single_file",
        "hls_segment_filename": str(new_fragments),
    }
    with (
        av.open(str(film)) as source,
        av.open(str(new_list), "w", format="hls", options=options) as target,
    ):
        streams = {
            stream.index: target.add_stream_from_template(stream)
            for stream in (*source.streams.video, *source.streams.audio)
        }
        for packet in source.demux():
            if packet.dts is not None:  # the packet that marks the end has none
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    # The list names the file of fragments. The program's sandbox renames within one folder only.
    new_list.write_text(new_list.read_text().replace(new_fragments.name, FRAGMENTS))
    new_fragments.replace(film.with_name(FRAGMENTS))
    new_list.replace(film.with_name(LIST))
