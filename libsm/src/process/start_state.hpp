// The state in which a process begins, whoever started it and however: what POSIX lets a child
// inherit is put right once, at the start.
#pragma once

#include <sys/resource.h>

#include <optional>
#include <sm/error.hpp>

#include "system/unique_fd.hpp"

namespace sm {

/// Opens those of the descriptors 0, 1, 2 that are closed on /dev/null: what is opened next would
/// take their numbers, and be written to by whoever prints. Before anything else is opened.
void open_standard_streams() noexcept;

/// No signal is blocked, and ends of children are told: a signal that whoever started us had
/// blocked or ignored would never come. Before any thread is made.
void clear_signal_state() noexcept;

/// The same, but SIGTERM and SIGINT are held back until they are read, over execve(2) as well: what
/// must end in order is never ended by a signal that comes too early. Before any thread is made.
void hold_end_signals() noexcept;
/// Where the signals that are held back are read from (signalfd(2)); not blocking.
result<unique_fd> open_end_signals();
/// The next one of them, if there is one.
std::optional<int> next_end_signal(int fd) noexcept;
/// Whether one waits to be read.
bool end_signal_waits() noexcept;

/// Raises the soft limit of descriptors to the hard one, and remembers what it was.
void raise_descriptor_limit() noexcept;
/// Before this process executes something in its own place.
void restore_descriptor_limit() noexcept;
/// The soft limit before it was raised, by this process or the one that `remember` names it for;
/// RLIM_INFINITY when it was not.
rlim_t descriptor_limit_at_start() noexcept;
void remember_descriptor_limit(rlim_t soft) noexcept;

}  // namespace sm
