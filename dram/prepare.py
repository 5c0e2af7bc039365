"""From a device and a configuration to the arrays that the controller works on."""

from __future__ import annotations

from dram.commands import COMMAND_NUMBERS
from dram.configurations import ControllerSettings
from dram.device import Constraint, Device
from dram.errors import DramError
from dram.kernel import layout as at

LONG_AGO = -(1 << 40)  # a start before all time

_WHERE = {
    "rank": at.ON_RANK,
    "bank_group": at.ON_GROUP,
    "bank": at.ON_BANK,
    "other_rank": at.ON_OTHER_RANKS,
    "channel": at.ON_CHANNEL,
    "same_bank": at.ON_SAME_BANK,
}
_SCHEDULERS = {
    "fifo": at.FIFO,
    "strict_fifo": at.STRICT_FIFO,
    "fr_fcfs": at.ROW_HITS,
    "fr_fcfs_capped": at.ROW_HITS_CAPPED,
    "fr_fcfs_grouped": at.ROW_HITS_GROUPED,
    "first_ready": at.FIRST_READY,
}
_PAGES = {
    "open": at.OPEN,
    "closed": at.CLOSED,
    "open_adaptive": at.OPEN_ADAPTIVE,
    "closed_adaptive": at.CLOSED_ADAPTIVE,
    "capped": at.CAPPED,
}
_REFRESHES = {
    "none": at.NO_REFRESH,
    "all_bank": at.ALL_BANK,
    "per_bank": at.PER_BANK,
    "same_bank": at.SAME_BANK,
}
_INTERVALS = {"all_bank": "tREFI", "per_bank": "tREFIpb", "same_bank": "tREFIsb", "none": "tREFI"}
_REFRESH_TIMES = {"all_bank": ("tRFC", "tRFCab"), "per_bank": (), "same_bank": (), "none": ()}
_ADMISSIONS = {"split": at.SPLIT, "shared": at.SHARED, "bankwise": at.BANKWISE}
_WRITE_DONE = {"command": at.AT_COMMAND, "accept": at.AT_ACCEPT, "data": at.AT_DATA}
# Refreshes that may be postponed or done in advance: eight, but four by JESD79-5.
MOVED_REFRESHES = {"DDR5": 4}
USUAL_MOVED_REFRESHES = 8
MERGED_READS = 256  # room for reads that are answered with another one


def new_kernel(device: Device, controller: ControllerSettings, record: int) -> at.Kernel:
    """A controller at cycle 0, on lists, without requests.

    Args:
        device: The memory.
        controller: How the controller works.
        record: Commands that can be recorded before they have to be fetched; 0: none are.
    """
    check(device, controller)
    settings = _settings(device, controller, record)
    effects, effect_at, rings = _effects(device, commands_used(device, controller))
    nodes = settings[at.RANKS] * (1 + device.organisation.bank_groups) + device.organisation.total_banks
    ready = [0] * (nodes * at.COMMANDS)
    banks = _banks(device)
    places = slots_needed(device, controller)
    slots = [0] * (places * at.SLOT)
    for slot in range(places):
        slots[slot * at.SLOT + at.AFTER] = slot + 1 if slot + 1 < places else at.NONE
    regs = [0] * at.REGS
    regs[at.BUS_WANTED] = at.ANY_BUS
    regs[at.LAST_STEP] = at.NONE
    stage = (at.STUCK, at.WAIT_READ, at.WAIT_READ_TAIL, at.WAIT_WRITE, at.WAIT_WRITE_TAIL)
    for position in (*stage, at.LAST_READ, at.LAST_ACCEPT, at.SPLIT_SLOT, at.CAS_SLOT):
        regs[position] = at.NONE
    ranks = _ranks(device, controller, settings[at.REFRESH_INTERVAL])
    regs[at.NEXT_DUE] = min(ranks[at.DUE :: at.RANK])
    ticks = [0] * at.COMMANDS
    bus = [0] * at.COMMANDS
    for name, info in device.commands.items():
        ticks[COMMAND_NUMBERS[name]], bus[COMMAND_NUMBERS[name]] = info.ticks, info.bus
    due_room = (settings[at.RANKS] * 64 + device.organisation.total_banks) * at.ITEM
    return at.Kernel(
        settings=settings,
        effects=effects,
        effect_at=effect_at,
        ticks=ticks,
        bus=bus,
        regs=regs,
        ready=ready,
        rings=rings,
        banks=banks,
        slots=slots,
        ranks=ranks,
        busy=[0] * device.organisation.total_banks,
        woken=[0] * device.organisation.total_banks,
        held=[0] * device.organisation.total_banks,
        due=[0] * due_room,
        left=[1] * device.organisation.total_banks,
        keys=[0] * (2 * at.KEYS),
        counts=[0] * at.COMMANDS,
        results=[],
        record=[0] * ((record + 8) * at.RECORD_SIZE if record else 1),
        arrival=[],
        bank=[],
        row=[],
        column=[],
        write=[],
    )


def check(device: Device, controller: ControllerSettings) -> None:
    """Raise :class:`DramError` where a controller asks for what the device or the controller cannot do."""
    missing = sorted(commands_used(device, controller) - set(device.commands))
    if missing:
        raise DramError(
            f"{device.standard} has no command {' or '.join(missing)}",
            hint=f"refresh is '{controller.refresh}', power_down is '{controller.power_down}'",
        )
    if controller.drain and controller.drain.low >= controller.drain.high:
        raise DramError(f"drain.low is {controller.drain.low}, but has to be below drain.high")
    together = controller.refresh_blocks == "channel" or controller.refresh_precharge == "single"
    if together and controller.refresh in ("per_bank", "same_bank"):
        raise DramError(
            f"refresh '{controller.refresh}' blocks single banks",
            hint="refresh_blocks: rank, refresh_precharge: all",
        )
    if controller.scheduler == "strict_fifo" and (controller.reserve or device.activate == "ACT1"):
        raise DramError("a strict order of accesses cannot be kept where requests keep their rows (reserve)")
    if controller.stage and not controller.drain_at_end and controller.write_done != "accept":
        raise DramError(
            "writes that stay in the stage (drain_at_end: false) are never done",
            hint="write_done: accept, so that they are done before",
        )
    if together and controller.power_down != "none":
        raise DramError("power_down goes with refresh_blocks: rank and refresh_precharge: all")
    if together and (controller.refresh_postpone or controller.refresh_pull_in):
        raise DramError(
            "refreshes are postponed or pulled in with refresh_blocks: rank and refresh_precharge: all"
        )
    _check_postponed(device, controller)
    if controller.power_down != "none" and controller.refresh not in ("all_bank", "none"):
        raise DramError("power_down goes with refresh: all_bank or none")


def _check_postponed(device: Device, controller: ControllerSettings) -> None:
    """No more refreshes are put off, or done in advance, than the standard allows."""
    most = MOVED_REFRESHES.get(device.standard, USUAL_MOVED_REFRESHES)
    for name in ("refresh_postpone", "refresh_pull_in"):
        asked: int = getattr(controller, name)
        if asked > most:
            raise DramError(
                f"{name} is {asked}, but {device.standard} allows at most {most}", hint=f"{name}: {most}"
            )


def slots_needed(device: Device, controller: ControllerSettings) -> int:
    """Requests that can wait at the same time."""
    queues = {
        "split": controller.read_queue + controller.write_queue,
        "shared": controller.read_queue,
        "bankwise": (controller.read_queue + 1) * device.organisation.total_banks * 8,
    }[controller.queues]
    if controller.stage:
        count = (
            device.organisation.total_banks
            if controller.stage.queues == "bank"
            else device.organisation.ranks
        )
        queues += controller.stage.size * count
    return queues + device.organisation.total_banks + (MERGED_READS if controller.read_merging else 0)


def commands_used(device: Device, controller: ControllerSettings) -> set[str]:
    """The commands that the controller can issue; rows about others need not be kept."""
    used = {device.activate, "PRE", "RD", "WR"}
    if device.activate == "ACT1":
        used |= {"ACT2", "CAS_RD", "CAS_WR"}
    if controller.power_down != "none":
        used |= {"PDNA", "PDXA", "PDNP", "PDXP", "SREF", "SREFX", "REF"}
    if controller.page != "open":
        used |= {"RDA", "WRA"}
    if controller.refresh != "none":
        used |= {"all_bank": {"REF", "PREA"}, "per_bank": {"REFPB"}, "same_bank": {"REFSB", "PRESB"}}[
            controller.refresh
        ]
    return used


def _settings(device: Device, controller: ControllerSettings, record: int) -> list[int]:
    """The settings by their positions."""
    settings = [0] * at.SETTINGS
    parts = (
        {at.RECORD: record, at.LIMIT: at.NEVER},
        _of_device(device, controller),
        _of_queues(controller),
        _of_policies(controller),
        _of_order(device, controller),
    )
    for part in parts:
        for position, value in part.items():
            settings[position] = value
    return settings


def _of_device(device: Device, controller: ControllerSettings) -> dict[int, int]:
    """What the device decides."""
    shape = device.organisation
    chosen = {
        at.RANKS: shape.ranks,
        at.GROUPS: shape.bank_groups,
        at.BANKS: shape.banks,
        at.BANKS_PER_RANK: shape.bank_groups * shape.banks,
        at.REFRESH_INTERVAL: _interval(device, controller),
        at.READ_END: device.read_data[1],
        at.WRITE_END: device.write_data[1],
        at.ACTIVATE: COMMAND_NUMBERS[device.activate],
        at.TWO_BUSES: int(any(info.bus for info in device.commands.values())),
        at.EDGES: int(device.ticks_per_clock == 2),
    }
    if device.activate == "ACT1":
        kept_on = device.timing["tWCKPST"]
        chosen[at.SPLIT_TICKS] = device.ticks("tAAD")
        chosen[at.CLOCK_RD] = device.read_data[1] + kept_on
        chosen[at.CLOCK_WR] = device.write_data[1] + kept_on
    return chosen


def _of_queues(controller: ControllerSettings) -> dict[int, int]:
    """Room for requests, and when writes go."""
    stage, drain = controller.stage, controller.drain
    chosen = {
        at.ADMISSION: _ADMISSIONS[controller.queues],
        at.READ_SIZE: controller.read_queue,
        at.WRITE_SIZE: controller.write_queue,
        at.STAGED: int(stage is not None),
        at.DRAIN: at.WATERMARKS if drain and not stage else at.TOGETHER,
        at.DRAIN_AT_END: int(controller.drain_at_end),
    }
    if drain:
        chosen |= {at.DRAIN_HIGH: drain.high, at.DRAIN_LOW: drain.low}
    if stage:
        by_bank = stage.queues == "bank"
        chosen |= {
            at.STAGED_SIZE: stage.size,
            at.STAGED_BY: at.ROUND_ROBIN_BANKS if by_bank else at.ROUND_ROBIN_RANKS,
            at.DRAIN_THRESHOLD: stage.drain_threshold,
        }
    return chosen


def _of_policies(controller: ControllerSettings) -> dict[int, int]:
    """Rules of the controller, one by one."""
    simple = controller.refresh_blocks == "channel" or controller.refresh_precharge == "single"
    return {
        at.PICK: _SCHEDULERS[controller.scheduler],
        at.ROW_CAP: controller.row_hit_cap,
        at.RESERVE: int(controller.reserve),
        at.PAGE: _PAGES[controller.page],
        at.PAGE_CAP: controller.page_cap,
        at.FORWARD: int(controller.read_forwarding),
        at.MERGE_WRITES: int(controller.write_coalescing),
        at.MERGE_READS: int(controller.read_merging),
        at.RESPOND_IN_ORDER: int(controller.responses == "in_order_of_issue"),
        at.WRITE_DONE: _WRITE_DONE[controller.write_done],
        at.REFRESH: _REFRESHES[controller.refresh],
        at.POSTPONE: controller.refresh_postpone,
        at.PULL_IN: controller.refresh_pull_in,
        at.BLOCKS: at.BLOCKS_CHANNEL if controller.refresh_blocks == "channel" else at.BLOCKS_TARGET,
        at.CLOSE_ALL: int(controller.refresh_precharge == "all"),
        at.MAINTENANCE: at.FIRST_ONLY if simple and controller.refresh == "all_bank" else at.ALL_AT_ONCE,
        at.POWER_DOWN: int(controller.power_down != "none"),
    }


def _of_order(device: Device, controller: ControllerSettings) -> dict[int, int]:
    """Who goes first, and what the kernel may make of it."""
    stage = controller.stage
    in_turn = controller.arbiter == "round_robin"
    by_rank = stage is not None and stage.queues == "rank"
    used = commands_used(device, controller)
    lengths = {info.ticks for name, info in device.commands.items() if name in used}
    by_finish = not in_turn and not controller.reserve and len(lengths) > 1
    plain = controller.page != "capped" and controller.power_down == "none" and device.activate == "ACT"
    queues = at.ROUND_ROBIN_RANKS if by_rank else at.ROUND_ROBIN_BANKS
    one_bus = not any(info.bus for info in device.commands.values())
    return {
        at.ORDER: queues if in_turn else at.OLDEST,
        at.FINISH_ORDER: int(by_finish),
        at.SLACK: max(lengths) - 1 if by_finish else 0,
        at.FORESIGHT: int(plain),
        at.SIMPLE: int(one_bus and not by_finish and device.ticks_per_clock == 1),
    }


def refreshes(device: Device, controller: ControllerSettings) -> str | None:
    """How much of the time refreshes take, in words; ``None`` without any."""
    if controller.refresh == "none":
        return None
    name = _INTERVALS[controller.refresh]
    taken = next((time for time in _REFRESH_TIMES[controller.refresh] if time in device.timing), None)
    return (
        f"refreshes take {taken}, {device.timing[taken]} of every {device.timing[name]} cycles"
        if taken
        else None
    )


def _interval(device: Device, controller: ControllerSettings) -> int:
    name = _INTERVALS[controller.refresh]
    interval = device.ticks(name)
    taken = next((time for time in _REFRESH_TIMES[controller.refresh] if time in device.timing), None)
    if interval < 1 or (taken and interval <= device.ticks(taken)):
        needed = f"a refresh takes {taken}, {device.timing[taken]}" if taken else "refreshes need an interval"
        raise DramError(f"{name} is {device.timing[name]} cycles, but {needed}")
    return interval


def _banks(device: Device) -> list[int]:
    shape = device.organisation
    groups = shape.ranks * shape.bank_groups
    lists = (at.HEAD, at.HEAD_W, at.TAIL, at.TAIL_W, at.HIT, at.HIT_W, at.MISS, at.MISS_W)
    nothing = (at.ROW, *lists, at.RESERVED, at.PLACE, at.HELD_PLACE)
    fields: list[int] = []
    for bank in range(shape.total_banks):
        one = [0] * at.BANK
        for position in nothing:
            one[position] = at.NONE
        group = bank // shape.banks
        one[at.RANK_OF] = group // shape.bank_groups
        one[at.GROUP_NODE] = (shape.ranks + group) * at.COMMANDS
        one[at.BANK_NODE] = (shape.ranks + groups + bank) * at.COMMANDS
        fields += one
    return fields


def _ranks(device: Device, controller: ControllerSettings, interval: int) -> list[int]:
    """Refresh state of the ranks, with the time of the first refresh."""
    shape = device.organisation
    ranks = shape.ranks
    fields: list[int] = []
    for rank in range(ranks):
        one = [0] * at.RANK
        one[at.ENTERS] = 1
        if controller.refresh == "none":
            one[at.DUE] = at.NEVER
        elif controller.refresh_stagger == "forward":
            one[at.DUE] = interval // ranks * (rank + 1)
        elif controller.refresh_stagger == "backward":
            one[at.DUE] = interval - _reversed(rank, ranks) * (interval // ranks)
        else:
            one[at.DUE] = interval
        one[at.TO_REFRESH] = (
            shape.banks if controller.refresh == "same_bank" else shape.banks * shape.bank_groups
        )
        fields += one
    return fields


def _reversed(rank: int, ranks: int) -> int:
    """A rank with its bits in reverse order."""
    bits = ranks.bit_length() - 1
    return sum((rank >> bit & 1) << (bits - 1 - bit) for bit in range(bits))


def _effects(device: Device, used: set[str]) -> tuple[list[int], list[int], list[int]]:
    """The rows by earlier command, where each command's list starts, and the rings of the windows."""
    per_command: list[list[list[int]]] = [[] for _ in range(at.COMMANDS)]
    rings: list[int] = []
    for row in device.constraints:
        before = [name for name in row.before if name in used]
        after = [name for name in row.after if name in used]
        if not before or not after:
            continue
        ring = len(rings)
        if row.window > 1:
            rings += [LONG_AGO] * (row.window * device.organisation.ranks)
        for name in before:
            per_command[COMMAND_NUMBERS[name]] += _row_effects(device, row, name, after, ring)
    effects: list[int] = []
    effect_at = [0]
    for entries in per_command:
        strongest = _strongest(entries)
        for where in (at.ON_BANK, at.ON_GROUP, at.ON_RANK):
            for entry in strongest:
                effects += entry[1 : 1 + at.NEAR] if entry[0] == where else []
            effect_at.append(len(effects))
        for entry in strongest:
            effects += entry if entry[0] not in (at.ON_BANK, at.ON_GROUP, at.ON_RANK) else []
        effect_at.append(len(effects))
    return effects, effect_at, rings or [0]


def _row_effects(
    device: Device, row: Constraint, before: str, after: list[str], ring: int
) -> list[list[int]]:
    entries = []
    last_clock = device.commands[before].ticks - 1
    for number, name in enumerate(after):
        distance = row.between(before, name)
        enters = at.NONE
        where = _WHERE[row.reach(before, name)]
        if row.window > 1:
            distance -= last_clock
            enters = last_clock if number == 0 else at.NONE
            where = at.ON_WINDOW
        if where == at.ON_OTHER_RANKS and device.organisation.ranks == 1:
            continue
        entries.append([where, COMMAND_NUMBERS[name], distance, row.window, ring, enters])
    return entries


def _strongest(entries: list[list[int]]) -> list[list[int]]:
    """Rows without those that another one makes superfluous."""
    best: dict[tuple[int, int], list[int]] = {}
    windows = []
    for entry in entries:
        key = (entry[0], entry[1])
        if entry[3] > 1:
            windows.append(entry)
        elif key not in best or best[key][2] < entry[2]:
            best[key] = entry
    return [*best.values(), *windows]
