#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/templates/job_template.h"

// Any text is a template or an error that begins with the file's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto job = rdev::templates::parse_job_template(text, "t.yaml");
  if (!job && !job.error().message.starts_with("t.yaml")) {
    std::abort();
  }
  return 0;
}
