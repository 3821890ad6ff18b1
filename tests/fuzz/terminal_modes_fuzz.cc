#include <cstddef>
#include <cstdint>

#include "agent/process/terminal.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  termios settings{};
  rdev::process::apply_modes({reinterpret_cast<const char*>(data), size}, settings);
  return 0;
}
