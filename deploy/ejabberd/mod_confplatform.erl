%% This module of ejabberd hands what people's clients send to the bridge (im/api/xmpp, decision 0044).
%%
%% ejabberd speaks TLS and XMPP with the clients, asks who may sign in, and knows their sessions. It decides nothing
%% else: each stanza that a client sends to the virtual host, to a person of it, or to itself goes to the component of
%% the bridge, with the component's domain in place of the host. So no message passes from one person to another
%% without having been stored by the message center.
%%
%% To the component it also sends
%%   - the presence of each session, and `unavailable` when the session ends, however it ends.
%% From the component it takes
%%   - <iq type='set'><end xmlns='urn:confplatform:session' user=… resource=…/></iq>, which ends sessions of a person
%%     (all of them without `resource`).
%% When the component is gone, all sessions end: its people have to sign in again, since it has forgotten them.
-module(mod_confplatform).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_opt_type/1, mod_doc/0]).
-export([user_send/1, session_closed/3, component_gone/2, end_session/1, decode_iq_subel/1]).

-define(SESSION, <<"urn:confplatform:session">>).
-define(RFC3921_SESSION, <<"urn:ietf:params:xml:ns:xmpp-session">>).

start(Host, _Options) ->
    ejabberd_hooks:add(user_send_packet, Host, ?MODULE, user_send, 10),
    ejabberd_hooks:add(sm_remove_connection_hook, Host, ?MODULE, session_closed, 50),
    ejabberd_hooks:add(component_disconnected, ?MODULE, component_gone, 50),
    gen_iq_handler:add_iq_handler(ejabberd_local, Host, ?SESSION, ?MODULE, end_session).

stop(Host) ->
    ejabberd_hooks:delete(user_send_packet, Host, ?MODULE, user_send, 10),
    ejabberd_hooks:delete(sm_remove_connection_hook, Host, ?MODULE, session_closed, 50),
    ejabberd_hooks:delete(component_disconnected, ?MODULE, component_gone, 50),
    gen_iq_handler:remove_iq_handler(ejabberd_local, Host, ?SESSION).

reload(_Host, _New, _Old) -> ok.
depends(_Host, _Options) -> [].
mod_options(_Host) -> [{component, <<>>}].
mod_opt_type(component) -> econf:domain().
mod_doc() -> #{desc => <<"Hands what people's clients send to the bridge.">>}.

%% Hand a client's stanza to the component, if it is for this host or somebody of it.
user_send({Packet, State}) ->
    {_, Host, _} = From = jid:tolower(xmpp:get_from(Packet)),
    case jid:tolower(xmpp:get_to(Packet)) of
        {User, Host, Resource} = To ->
            case stays(Packet, To) of
                true -> {Packet, State};
                false ->
                    Receiver = jid:make(User, component(Host), Resource),
                    ejabberd_router:route(xmpp:set_to(Packet, Receiver)),
                    case is_self_presence(Packet, From, To) of
                        true -> {Packet, State};
                        false -> {stop, {drop, State}}
                    end
            end;
        _ -> {Packet, State}
    end.

%% Answers to ejabberd's own pings, and the empty request of old clients for a session, are for ejabberd.
stays(Packet, {<<>>, _, _}) ->
    element(1, Packet) =:= iq andalso
        (lists:member(xmpp:get_type(Packet), [result, error]) orelse is_session_request(Packet));
stays(Packet, _To) ->
    element(1, Packet) =:= iq andalso is_session_request(Packet).

is_session_request(Packet) ->
    [xmpp:get_ns(Element) || Element <- xmpp:get_els(Packet)] =:= [?RFC3921_SESSION].

%% ejabberd needs a client's own presence, too: to know that the client wants messages.
is_self_presence(Packet, {User, Host, _}, {User, Host, <<>>}) -> element(1, Packet) =:= presence;
is_self_presence(_Packet, _From, _To) -> false.

%% Tell the component that a session has ended.
session_closed(_SessionId, Jid, _Info) ->
    {_, Host, _} = jid:tolower(Jid),
    Presence = xmpp:decode({xmlel, <<"presence">>, [{<<"type">>, <<"unavailable">>}], []}),
    ejabberd_router:route(xmpp:set_from_to(Presence, Jid, jid:make(component(Host)))).

%% End all sessions, since the component is gone, and with it what it knew of the people who had signed in.
component_gone(Component, _Reason) ->
    [end_all(Host) || Host <- ejabberd_option:hosts(), component(Host) =:= Component],
    ok.

end_all(Host) ->
    [ejabberd_sm:kick_user(User, Server, Resource)
     || {User, Server, Resource} <- ejabberd_sm:get_vh_session_list(Host)].

%% End the sessions that the component names.
end_session(IQ) ->
    {_, Host, _} = jid:tolower(xmpp:get_to(IQ)),
    Component = component(Host),
    case {jid:tolower(xmpp:get_from(IQ)), xmpp:get_els(IQ)} of
        {{_, Component, _}, [Element]} ->
            User = fxml:get_tag_attr_s(<<"user">>, Element),
            case fxml:get_tag_attr_s(<<"resource">>, Element) of
                <<>> -> ejabberd_sm:kick_user(User, Host);
                Resource -> ejabberd_sm:kick_user(User, Host, Resource)
            end,
            xmpp:make_iq_result(IQ);
        _ ->
            xmpp:make_error(IQ, xmpp:err_forbidden())
    end.

%% The element of `end_session` is ours: ejabberd shall not try to read it.
decode_iq_subel(Element) -> Element.

component(Host) -> gen_mod:get_module_opt(Host, ?MODULE, component).
