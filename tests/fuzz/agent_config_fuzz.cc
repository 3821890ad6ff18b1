#include <cstddef>
#include <cstdint>

#include "agent/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)rdev::agent::parse_config({reinterpret_cast<const char*>(data), size});
  return 0;
}
