#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/state/job_json.h"

// What parses is written and parses again to the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto record = rdev::state::parse_job_record(text);
  if (record) {
    const std::string once = rdev::state::to_json(*record);
    const auto again = rdev::state::parse_job_record(once);
    if (!again || rdev::state::to_json(*again) != once) {
      std::abort();
    }
  }
  return 0;
}
