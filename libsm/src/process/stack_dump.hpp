// Shows where a process hangs or crashes: on a signal it writes the stacks of all its threads to
// stderr, and before it dies of SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT that of the thread at
// fault.
#pragma once

namespace sm {

/// The signal that asks for the stacks.
int stack_signal() noexcept;

/// From now on the signals are heeded. Call once, before threads are started.
void install_stack_dump();

}  // namespace sm
