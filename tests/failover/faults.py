"""Faults against a running world. Each ends as it began: home serves, protected, writes go on."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from failover.data.cells import liveness
from failover.data.cells.connection import DatabaseLink, Failure
from tests.failover.world import SCHEMA, World, world
from tests.failover.writers import FAST


def home_again(world: World) -> float:
    """Wait until home serves, protected by a copy that could take over; the seconds."""
    for side in world.sides.values():
        if side.agent is None or side.agent.poll() is not None:
            side.start()
    took = world.served("east")
    copy = world.sides["west"]
    world.until(lambda: (copy.cell.directory / "complete").read_text() == copy.server.run_id())
    return took


def database_killed(world: World) -> float:
    """Kill the owner's database, not its agent: it is restarted in place, and nobody takes over."""
    takeovers, before = world.events("takeover"), world.acknowledged()
    began = time.monotonic()
    world.sides["east"].server.kill()
    world.until(lambda: world.acknowledged() > before + 20)
    took = time.monotonic() - began
    assert world.events("takeover") == takeovers, world.story()
    home_again(world)
    return took


def site_killed(world: World) -> tuple[float, float]:
    """Kill everything at home; it comes back and serves again by itself. Return the seconds of both."""
    world.sides["east"].kill_all()
    seconds = world.served("west", protected=False)
    world.sides["east"].start()
    return seconds, home_again(world)


def agent_dies_at(world: World, point: str) -> None:
    """Let the agent that takes over die at a point of the takeover, and start it again."""
    west = world.sides["west"]
    west.kill_agent()
    west.start(point)
    time.sleep(1.0)
    world.sides["east"].kill_all()
    _died_and_started(world, "west")
    world.served("west", protected=False)
    home_again(world)


def agent_dies_handing_over(world: World, point: str) -> None:
    """Let the owner's agent die at a point of the hand-over, and start it again."""
    west = world.sides["west"]
    _to_west(world)
    west.kill_agent()
    west.start(point)
    world.wish(mode="auto")
    _died_and_started(world, "west")
    home_again(world)


def agent_dies_returning(world: World, point: str) -> None:
    """Let home's agent die at a point of becoming owner again, and start it again."""
    east = world.sides["east"]
    _to_west(world)
    east.kill_agent()
    east.start(point)
    world.wish(mode="auto")
    _died_and_started(world, "east")
    home_again(world)


def _to_west(world: World) -> None:
    """Let an operator move the platform to its backup."""
    world.wish(mode="manual")
    world.served("west")


def _died_and_started(world: World, site: str) -> None:
    side = world.sides[site]
    agent = side.agent
    assert agent is not None
    world.until(lambda: agent.poll() is not None)
    side.start()


def frozen(world: World, seconds: float, *, agent_too: bool) -> None:
    """Freeze the owner's database, and perhaps its agent (SIGSTOP); then let them go on."""
    east = world.sides["east"]
    assert east.agent is not None
    if agent_too:
        east.agent.send_signal(signal.SIGSTOP)
    east.signal(signal.SIGSTOP)
    world.served("west", protected=False)
    time.sleep(seconds)
    if agent_too:
        east.signal(signal.SIGCONT)
        time.sleep(0.5)  # a zombie that its agent does not yet keep in check
        east.agent.send_signal(signal.SIGCONT)
    home_again(world)


def backup_killed(world: World) -> None:
    """Kill the backup's site: the owner goes on alone, and is protected again afterwards."""
    before = world.acknowledged()
    world.sides["west"].kill_all()
    world.until(lambda: world.row().solo and world.acknowledged() > before + 20)
    world.sides["west"].start()
    home_again(world)


def register_killed(world: World, seconds: float) -> None:
    """Kill the register: everything goes on as it is."""
    before, row = world.acknowledged(), world.row()
    world.register.kill()
    time.sleep(seconds)
    assert world.acknowledged() > before + 20, world.story()
    world.register.start()
    world.until(lambda: world.row() == row)
    home_again(world)


def register_killed_and_link_cut(world: World, seconds: float) -> None:
    """Kill the register and cut the link: nothing is acknowledged until both are back."""
    world.register.kill()
    link(world, cut=True)
    time.sleep(1.0)
    before = world.acknowledged()
    time.sleep(seconds)
    assert world.acknowledged() == before, world.story()
    link(world, cut=False)
    world.register.start()
    home_again(world)


def link_cut(world: World, seconds: float, *, forth: bool = True, back: bool = True) -> None:
    """Cut the link between the sites, both ways or one: one of them serves. Then heal it."""
    link(world, cut=True, forth=forth, back=back)
    time.sleep(seconds)
    before = world.acknowledged()
    world.until(lambda: world.acknowledged() > before + 20)
    link(world, cut=False)
    home_again(world)


def site_isolated(world: World, seconds: float) -> None:
    """Cut home off from the backup and the register: the backup takes over, and home is fenced."""
    link(world, cut=True)
    world.cuts["east", "register"].cut()
    world.served("west", protected=False)
    time.sleep(seconds)
    link(world, cut=False)
    world.cuts["east", "register"].heal()
    home_again(world)


def handed_over(world: World) -> float:
    """Let an operator move the platform to the backup and back; return the longest pause of a hand-back."""
    _to_west(world)
    mark = time.monotonic()
    world.wish(mode="auto")
    home_again(world)
    acks = sorted(ack.at for writer in world.writers for ack in writer.acks if ack.at > mark)
    return max(b - a for a, b in pairwise(acks))


def link(world: World, *, cut: bool, forth: bool = True, back: bool = True) -> None:
    """Cut or heal what goes between the sites; `forth` is what home sends."""
    east, west = world.cuts["east", "west"], world.cuts["west", "east"]
    if not cut:
        east.heal()
        west.heal()
        return
    east.cut(forth=forth, back=back)
    west.cut(forth=back, back=forth)


def lost_without_waiting(root: Path) -> int:
    """The control: the same agents, faults and writers, and commits that wait for nobody; how many
    acknowledged writes are lost."""
    with world(root, asynchronous=True) as new_world:
        new_world.write(pause=FAST)
        new_world.until(lambda: new_world.acknowledged() > 50)
        new_world.until((new_world.root / "west" / "complete").exists)
        link(new_world, cut=True)
        new_world.cuts["east", "register"].cut()
        new_world.until(lambda: new_world.row().owner == "west")
        new_world.cuts["east", "register"].heal()
        new_world.served("west", protected=False)
        return new_world.judged("west").lost


class SoftwareOf:
    """The stand-in for a worker of a site: it signals to its agent that it is alive, until it dies."""

    def __init__(self, world: World, site: str) -> None:
        cell = world.sides[site].cell
        self._link = DatabaseLink(
            host="127.0.0.1",
            port=cell.port,
            user="app",
            password=cell.app_password,
            **cell.peer_tls(),
        )
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> SoftwareOf:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._link.close()

    def _run(self) -> None:
        while not self._end.wait(0.2):
            with suppress(Failure):
                liveness.hold_lock(self._link.execute)


def software_dies(world: World) -> int:
    """Let the software of home die while database and agent go on; return how many moves counted."""
    with SoftwareOf(world, "west"):
        with SoftwareOf(world, "east"):
            world.until(lambda: _beats(world, "west") > 2)
        world.served("west")
        counted = world.counted()
        with SoftwareOf(world, "east"):
            home_again(world)
    return counted


def _beats(world: World, site: str) -> int:
    link = world.sides[site].link(SCHEMA)
    try:
        return int(link.first_row("SELECT beats FROM failover_pulse").get("beats", 0))
    finally:
        link.close()


def judge_frozen(world: World, seconds: float) -> None:
    """Freeze the copy's agent for a while; assert that it takes over nothing when it goes on."""
    west = world.sides["west"]
    assert west.agent is not None
    for _ in range(2):
        west.agent.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        west.agent.send_signal(signal.SIGCONT)
        time.sleep(0.5)
    assert world.events("takeover") == 0, world.story()


def copy_isolated(world: World, seconds: float) -> None:
    """Cut the backup off from home and register: home goes on alone, and keeps its platform after that."""
    takeovers = world.events("takeover")
    link(world, cut=True)
    world.cuts["west", "register"].cut()
    world.until(lambda: world.row().solo)
    time.sleep(seconds)
    before = world.acknowledged()
    link(world, cut=False)
    world.cuts["west", "register"].heal()
    home_again(world)
    world.until(lambda: world.acknowledged() > before + 20)
    assert world.events("takeover") == takeovers, world.story()
