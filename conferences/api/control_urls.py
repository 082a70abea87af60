"""The addresses of conference control, of resources and of the network's state, below `/api/v1/`."""

from django.urls import path

from conferences.api import (
    area_calls,
    conference_calls,
    network_calls,
    picture_calls,
    recording_calls,
    refused_calls,
    resource_calls,
    role_calls,
    terminal_calls,
    viewing_calls,
)

P = "vc/confs/<str:conf_id>"
MT = f"{P}/mts/<str:mt_id>"
_CONFERENCE = [
    path(f"{P}/delay", conference_calls.Delay.as_view()),
    path(f"{P}/silence", conference_calls.Silence.as_view()),
    path(f"{P}/mute", conference_calls.Mute.as_view()),
    path(f"{P}/safty", conference_calls.Safety.as_view()),
    path(f"{P}/name", conference_calls.Name.as_view()),
    path(f"{P}/sms", conference_calls.ShortMessage.as_view()),
    path(f"{P}/forcebroadcast", conference_calls.ForceBroadcast.as_view()),
    path(f"{P}/dualmode", conference_calls.DualMode.as_view()),
    path(f"{P}/vad", conference_calls.Vad.as_view()),
    path(f"{P}/viplist", conference_calls.Vips.as_view()),
    path("vc/vrs", conference_calls.RecordingServers.as_view()),
]
_TERMINALS = [
    path(f"{P}/cascades", terminal_calls.Cascades.as_view()),
    path(f"{P}/cascades/<str:cascade_id>/mts", terminal_calls.CascadeTerminals.as_view()),
    path(f"{P}/online_mts", terminal_calls.OnlineTerminals.as_view()),
    path(MT, terminal_calls.OneTerminal.as_view()),
    path(f"{MT}/silence", terminal_calls.TerminalSilence.as_view()),
    path(f"{MT}/mute", terminal_calls.TerminalMute.as_view()),
    path(f"{MT}/volume", terminal_calls.Volume.as_view()),
    path(f"{MT}/call_mode", terminal_calls.CallMode.as_view()),
    path(f"{MT}/camera", terminal_calls.Camera.as_view()),
    path(f"{MT}/videos", terminal_calls.Videos.as_view()),
]
_ROLES = [
    path(f"{P}/chairman", role_calls.Chairman.as_view()),
    path(f"{P}/speaker", role_calls.Speaker.as_view()),
    path(f"{P}/dualstream", role_calls.DualStream.as_view()),
    path(f"{P}/upload", role_calls.Upload.as_view()),
]
_PICTURES = [
    path(f"{P}/mixs", picture_calls.Mixes.as_view()),
    path(f"{P}/mixs/<str:mix_id>", picture_calls.OneMix.as_view()),
    path(f"{P}/mixs/<str:mix_id>/members", picture_calls.MixMembers.as_view()),
    path(f"{P}/vmps", picture_calls.Pictures.as_view()),
    path(f"{P}/vmps/<str:vmp_id>", picture_calls.OnePicture.as_view()),
    path(f"{P}/mtvmps", picture_calls.OwnPictures.as_view()),
    path(f"{P}/mtvmps/<str:mt_id>", picture_calls.OwnPicture.as_view()),
    path(f"{P}/poll", picture_calls.ConferencePoll.as_view()),
    path(f"{P}/poll/state", picture_calls.ConferencePollState.as_view()),
    path(f"{P}/chairman_poll", picture_calls.ChairmanPoll.as_view()),
    path(f"{P}/chairman_poll/state", picture_calls.ChairmanPollState.as_view()),
    path(f"{P}/inspections", viewing_calls.Inspections.as_view()),
    path(f"{P}/inspections/<str:mt_id>/<str:mode>", viewing_calls.OneInspection.as_view()),
    path(f"{P}/inspection_channels", viewing_calls.InspectionChannels.as_view()),
    path(
        f"{P}/inspection_channels/<str:mt_id>/<str:mode>/<str:channel>",
        viewing_calls.OneInspection.as_view(),
    ),
]
_RECORDING = [
    path(f"{P}/recorders", recording_calls.Recordings.as_view()),
    path(f"{P}/recorders/<str:rec_id>", recording_calls.OneRecording.as_view()),
    path(f"{P}/recorders/<str:rec_id>/state", recording_calls.RecordingState.as_view()),
    path(f"{P}/playback", recording_calls.Playback.as_view()),
]
_RESOURCES = [
    path("mc/meeting_room_areas", area_calls.Areas.as_view()),
    path("mc/meeting_room_areas/<str:area_id>", area_calls.OneArea.as_view()),
    path("mc/resources", resource_calls.Resources.as_view()),
    path("mc/platforms", resource_calls.Platforms.as_view()),
    path("vrs/vrsip", resource_calls.RecorderAddresses.as_view()),
]
URLS = [
    *_CONFERENCE,
    *_TERMINALS,
    *_ROLES,
    *_PICTURES,
    *_RECORDING,
    *_RESOURCES,
    *refused_calls.URLS,
    *network_calls.URLS,
]
