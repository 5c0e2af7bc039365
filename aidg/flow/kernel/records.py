"""Where the records of flights, objects, controllers, movers and storages are."""

from __future__ import annotations

from aidg.flow.kernel.names import (
    F_STEP,
    FLIGHT,
    K_FLIGHTS,
    K_MOVER,
    K_QUEUE,
    K_ROUTE,
    K_STEP,
    LINE_STATE,
    M_FLIGHT,
    M_LINE,
    M_STAYING,
    M_STORAGE,
    M_USERS,
    MOVER,
    N_STIRRED,
    Q_STORAGE,
    Q_WRITE,
    QUEUE,
    R_OBJECT,
    ROUTE,
    STEP,
    STIRRED,
    STORAGE_STATE,
    T_ROUTE,
    V_QUEUE,
    V_STATE,
    Numbers,
)  # fmt: skip


def users_of(k: Numbers, item: int) -> int:
    """Position of the list of users of an object: its length, then the flights in program order."""
    return k[M_USERS] + item * (k[K_FLIGHTS] + 1)


def staying_in(k: Numbers, item: int) -> int:
    """Position of the list of those that have not left."""
    return k[M_STAYING] + item * (k[K_FLIGHTS] + 1)


def flight_of(k: Numbers, slot: int) -> int:
    """Position of an instruction's record."""
    return k[M_FLIGHT] + slot * FLIGHT


def step_of(k: Numbers, m: Numbers, flight: int) -> int:
    """Position of the record of the static step of a flight."""
    return k[K_STEP] + m[flight + F_STEP] * STEP


def object_at(k: Numbers, step: int, where: int) -> int:
    """An object on the route."""
    return k[k[K_ROUTE] + (k[step + T_ROUTE] + where) * ROUTE + R_OBJECT]


def line_state(k: Numbers, line: int) -> int:
    """Position of a controller's state."""
    return k[M_LINE] + line * (LINE_STATE + 2 * (k[K_FLIGHTS] + 1))


def stir(k: Numbers, m: Numbers, line: int) -> None:
    """Something has happened to a controller or its movers: what they can do now has to be decided."""
    m[STIRRED] = 1
    m[line_state(k, line) + N_STIRRED] = 1


def mover_state(k: Numbers, mover: int) -> int:
    """Position of a mover's state."""
    return k[k[K_MOVER] + mover * MOVER + V_STATE]


def queue_of(k: Numbers, mover: int, storage: int, write: int) -> int:
    """A mover's queue of requests to a storage."""
    queue = k[k[K_MOVER] + mover * MOVER + V_QUEUE]
    while (
        k[k[K_QUEUE] + queue * QUEUE + Q_STORAGE] != storage
        or k[k[K_QUEUE] + queue * QUEUE + Q_WRITE] != write
    ):
        queue += 1
    return queue


def storage_state(k: Numbers, storage: int) -> int:
    """Position of a storage's state."""
    return k[M_STORAGE] + storage * STORAGE_STATE
