// Shows where a process hangs: on a signal it writes the stacks of all its threads to stderr.
#pragma once

namespace sm {

/// The signal that asks for the stacks.
int stack_signal() noexcept;

/// From now on the signal is heeded. Call once, before threads are started.
void install_stack_dump();

}  // namespace sm
