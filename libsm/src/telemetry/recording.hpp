// Whether this process records spans; its recorder says so.
#pragma once

namespace sm {

void set_recording(bool on) noexcept;

}  // namespace sm
