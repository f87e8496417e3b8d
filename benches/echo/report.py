"""Formats the results as Markdown."""
import math
import os
import platform
import statistics
import subprocess

import cells


def machine():
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "?")
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, {rustc}"


def head(options, before, after):
    loads = " and ".join(f"{load[0]:.1f}" for load in (before, after))
    lines = ["# Benchmark results: echo servers, end to end", ""]
    lines += [f"{machine()}. {options.rounds} rounds of {options.seconds} s; load average {loads} before and after.", ""]
    lines += ["| column | server |", "|---|---|"]
    lines += [f"| {name} | {cells.SERVERS[name]} |" for name in options.servers]
    return lines


def ratio(rounds, name, base):
    """The median over the rounds of the ratio within a round."""
    return statistics.median(a / b for a, b in zip(rounds[name], rounds[base], strict=True))


def groups(measured, servers):
    """Ours relative to the others. `measured` has the figures of all rounds for each cell and server."""
    others = [name for name in servers if name != cells.OURS]
    lines = ["", "## Groups", ""]
    lines += [f"{cells.OURS} relative to the others: geometric mean of the cells, with the goal; **bold** misses it.", ""]
    lines += ["| group | " + " | ".join(others) + " |", "|---|" + "--:|" * len(others)]
    for group in cells.GROUPS:
        members = [cell for cell in measured if group.holds(cell)]
        if not members:
            continue
        goals = {**dict(group.goals), cells.FLOOR: cells.FLOOR_GOAL}
        figures = [judged(mean(measured, members, base), goals.get(base)) for base in others]
        lines.append(f"| {group.title} | " + " | ".join(figures) + " |")
    return lines


def mean(measured, members, base):
    logarithms = [math.log(ratio(measured[cell], cells.OURS, base)) for cell in members]
    return math.exp(statistics.fmean(logarithms))


def judged(figure, goal):
    if goal is None:
        return f"{figure:.2f}"
    text = f"**{figure:.2f}**" if figure < goal else f"{figure:.2f}"
    return f"{text} (>= {goal})"


def table(title, measured, servers, figure):
    lines = ["", f"## {title}", ""]
    lines += ["| size | connections | in flight | " + " | ".join(servers) + " |"]
    lines += ["|---|--:|--:|" + "--:|" * len(servers)]
    for cell, rounds in measured.items():
        figures = " | ".join(figure(rounds, name) for name in servers)
        lines.append(f"| {cell.title} | {cell.connections} | {cell.pipeline} | {figures} |")
    return lines


def cell_tables(measured, servers):
    lines = groups(measured, servers) if cells.OURS in servers else []
    for base in (cells.TUNG, cells.FLOOR):
        if base in servers:
            title = f"Ratio to {base}"
            lines += table(title, measured, servers, lambda rounds, name: f"{ratio(rounds, name, base):.2f}")
    title = "Thousand messages per second of server CPU time"
    return lines + table(title, measured, servers, lambda rounds, name: thousands(rounds[name]))


def thousands(figures):
    value = statistics.median(figures) / 1000
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def syscalls(measured):
    """`measured` has the calls per message by kind, for each pipeline."""
    lines = ["", "## System calls per message", "", f"{cells.OURS}, 125 B, 50 connections.", ""]
    lines += ["| in flight | read | write | epoll_wait | other | all | goal |", "|--:|--:|--:|--:|--:|--:|--:|"]
    for pipeline, goal in cells.SYSCALL_GOALS:
        calls = measured[pipeline]
        total = sum(calls.values())
        figures = [f"{calls[kind]:.3f}" for kind in ("read", "write", "epoll_wait", "other")]
        figures.append(f"{total:.3f}" if total <= goal else f"**{total:.3f}**")
        lines.append(f"| {pipeline} | " + " | ".join(figures) + f" | {goal} |")
    return lines


def memory(measured):
    lines = ["", "## Resident memory per connection", ""]
    lines += [f"Bytes, with {cells.MEMORY_CONNECTIONS} connections; without the kernel's memory for a socket.", ""]
    lines += ["| server | compression | idle after the handshake | idle after an echo of 16 KiB | goal |", "|---|---|--:|--:|--:|"]
    for (name, is_compressed, goal), figures in measured.items():
        texts = [f"**{n:.0f}**" if goal and n > goal else f"{n:.0f}" for n in figures]
        compression = "agreed on" if is_compressed else "none"
        lines.append(f"| {name} | {compression} | " + " | ".join(texts) + f" | {goal or ''} |")
    return lines
