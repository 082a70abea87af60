"""The shapes of arguments and answers of conference control, for the OpenAPI description only."""

from __future__ import annotations

from conferences.api.serializers import MtItem, TerminalId, TerminalIds
from foundation.web.serializers import Accepted, answers
from foundation.web.shapes import answer, flag, many, number, shape, string

DONE = {200: answers(Accepted)}

# ---- arguments -----------------------------------------------------------------------------------

Delay = shape("Delay", "Minutes to go on longer.", delay_time=number(1, 1440, "Minutes."))
Switch = shape("Switch", "On or off.", value=flag("1: on, 0: off."))
MuteAll = shape(
    "MuteAll",
    "The microphones of all, and of those who join later.",
    value=flag("1: closed, 0: may be opened."),
    force_mute=flag("1: nobody may open his own.", required=False),
)
Safety = shape(
    "Safety",
    "Who may enter.",
    password=string("At most 16 letters, digits, _ and . are allowed."),
    safe_conf=flag("Only 0: conferences cannot be hidden."),
    closed_conf=flag("Only 0: conferences cannot be closed."),
)
Value = shape("TextValue", "A text.", value=string())
Number = shape("NumberValue", "A whole number.", value=number())
ShortMessage = shape(
    "ShortMessage",
    "A text that members are shown.",
    message=string("At most 1500 bytes; empty: it is taken away."),
    roll_num=number(1, 255, "Rounds; 255: until another text comes.", required=False),
    roll_speed=number(1, 3, required=False),
    type=number(0, 2, required=False),
    mts=many(TerminalId, "Empty: all."),
)
ForceBroadcast = shape(
    "ForceBroadcast", "Whether everybody sees the speaker.", force_broadcast=flag()
)
ChangeVad = shape(
    "ChangeVad",
    "Whether the picture follows who talks.",
    state=flag(),
    vacinterval=number(5, 3600, "Seconds.", required=False),
)
Vips = shape("Vips", "At most 8 terminals that are shown first.", TerminalIds)
Volume = shape(
    "Volume",
    "How loud a terminal is.",
    vol_mode=number(1, 2, "1: loudspeaker, 2: microphone."),
    vol_value=number(0, 35),
)
Camera = shape(
    "Camera",
    "A movement of a camera.",
    state=flag("0: begin, 1: stop."),
    type=number(1, 15),
)
ChooseVideo = shape("ChooseVideo", "A picture source.", video_idx=number(1, 10))
Role = shape("Role", "The terminal with a role.", mt_id=string("Empty: nobody."))
Members = shape("TerminalsOfConference", "Terminals of a conference.", members=many(TerminalId))
MixMembers = shape(
    "Mix", "Who is heard.", Members, mode=number(1, 2, "1: everybody, 2: these members.")
)
PollOrder = shape(
    "PollOrder",
    "Members whose pictures are shown one after the other.",
    Members,
    mode=number(1, 11),
    num=number(0, 10_000, "Rounds; 0: without end."),
    keep_time=number(1, 86_400, "Seconds for each."),
    poll_index=number(1, 500, "The first one.", required=False),
)
PollState = shape(
    "PollState",
    "What becomes of a poll.",
    value=number(0, 2, "0: stop, 1: pause, 2: go on."),
    mode=number(1, 11, required=False),
)
PlaceInPicture = shape(
    "PlaceInPicture",
    "Who is shown at a place of the picture.",
    chn_idx=number(0, 24, "The place, from 0."),
    member_type=number(0, 7, "1: a terminal, 2: the speaker, 3: the chairman, 4: the poll."),
    mt_id=string(required=False),
)
Picture = shape(
    "Picture",
    "How pictures are put together.",
    mode=number(1, 4, "1: chosen, 2: automatic, 3 and 4: in batches."),
    layout=number(1, 63),
    voice_hint=flag("1: who talks is framed.", required=False),
    broadcast=flag("1: everybody sees it.", required=False),
    show_mt_name=flag(required=False),
    members=many(PlaceInPicture),
)
OwnPicture = shape("OwnPicture", "The picture of one terminal.", Picture, mt_id=string())
Watched = shape("Watched", "Who is looked at.", type=number(1, 2), mt_id=string())
Viewing = shape(
    "Viewing",
    "One terminal looks at another.",
    mode=number(1, 2, "1: picture."),
    src=Watched(),
    dst=TerminalId(),
)
RecorderOrder = shape(
    "RecorderOrder",
    "A recording of the conference.",
    video_name=string(),
    recorder_type=number(1, 2, "1: the conference."),
    publish_mode=number(0, 2, required=False),
    watermark=flag(required=False),
    anonymous=flag(required=False),
    recorder_mode=number(1, 3, "1: record."),
    main_stream=flag(required=False),
    dual_stream=flag(required=False),
    vrs_id=string(required=False),
)
RecorderState = shape(
    "RecorderState",
    "What becomes of a recording.",
    value=number(1, 2, "1: pause, 2: go on."),
    recorder_mode=number(0, 3, required=False),
)

# ---- answers -------------------------------------------------------------------------------------

Vad = answer(
    "Vad",
    "Whether the picture follows who talks.",
    voice_activity_detection=flag(),
    vacinterval=number(words="Seconds."),
)
VipList = answer("VipList", "The terminals that are shown first.", TerminalIds)
RecordingServer = shape(
    "RecordingServer",
    "A recorder.",
    operator=string(),
    ip=string(),
    port=number(),
    vrs_id=string(),
)
RecordingServers = answer("RecordingServers", "The recorders.", vrs=many(RecordingServer))
Cascade = answer(
    "Cascade",
    "A conference and those cascaded below it, of which there are none here.",
    name=string(),
    conf_id=string(),
    cascade_id=string(),
    mt_id=string(),
    cascades=many(TerminalId),
)
Channel = shape(
    "Channel",
    "A channel of a terminal.",
    chn_id=number(),
    chn_alias=string(),
    chn_label=number(),
    bitrate=number(required=False),
    resolution=number(required=False),
    format=number(required=False),
    cur_video_idx=number(required=False),
)
MtDetail = answer(
    "MtDetail",
    "A terminal with its channels.",
    MtItem,
    v_snd_chn=many(Channel),
    v_rcv_chn=many(Channel),
    dv_snd_chn=many(Channel),
    dv_rcv_chn=many(Channel),
    a_snd_chn=many(Channel),
    a_rcv_chn=many(Channel),
    rcv_volume=number(0, 35),
    snd_volume=number(0, 35),
)
Video = shape("Video", "A picture source.", video_idx=number(), video_alise=string())
Videos = answer(
    "Videos", "The picture sources of a terminal.", cur_video_idx=number(), mt_videos=many(Video)
)
RoleHolder = answer("RoleHolder", "The terminal with a role; empty: nobody.", mt_id=string())
Member = shape("Member", "A member.", account=string(), mt_id=string())
MixNow = answer("MixNow", "Who is heard.", mode=number(1, 2), members=many(Member))
_Shown = shape("TerminalShown", "The terminal that is shown; empty: nobody.", mt_id=string())
PollNow = answer(
    "PollNow",
    "A poll, and whom it shows.",
    mode=number(),
    state=number(0, 2, "0: none, 1: running, 2: paused."),
    num=number(),
    keep_time=number(),
    poll_index=number(words="0: nobody."),
    cur_poll_mt=_Shown(),
    members=many(Member),
)
PictureNow = answer("PictureNow", "How pictures are put together.", Picture)
OwnPictureNow = answer("OwnPictureNow", "The picture of one terminal.", OwnPicture)
OwnPictures = answer(
    "OwnPictures", "The terminals with pictures of their own.", mts=many(OwnPicture)
)
Viewings = answer("Viewings", "Who looks at whom.", inspections=many(Viewing))
Recording = shape(
    "Recording",
    "A recording.",
    rec_id=string(),
    video_name=string(),
    recorder_type=number(),
    state=number(0, 4, "1: records, 2: pauses."),
    anonymous=flag(),
    recorder_mode=number(),
    main_stream=flag(),
    dual_stream=flag(),
    publish_mode=number(),
    watermark=flag(),
    current_progress=number(words="Seconds."),
    members=many(TerminalId),
)
RecordingNow = answer("RecordingNow", "A recording.", Recording)
Recordings = answer("Recordings", "The recordings of a conference.", recorders=many(Recording))
RecordingBegun = answer("RecordingBegun", "A recording begins.", rec_id=string())
Playback = answer(
    "Playback",
    "What is played; nothing is played here.",
    file_name=string(),
    file_id=string(),
    state=number(0, 4),
    current_progress=number(),
    total_time=number(),
)
