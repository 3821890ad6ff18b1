#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "client/templates/defaults.h"

namespace templates = rdev::templates;

// Any text is a file of defaults or an error that begins with its name; an edit of one reads back
// as what was set, with all else as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto any = [](const templates::DefaultKey&, const templates::DefaultValues&) {
    return rdev::Result<void>();
  };
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto file = templates::parse_defaults(text, "d.yaml", any);
  if (!file) {
    if (!file.error().message.starts_with("d.yaml")) {
      std::abort();
    }
    return 0;
  }
  for (const std::string key : {"image", "pip", "gpus"}) {
    const auto edited = templates::edit_defaults(*file, key, {{"1"}});
    const auto read = edited ? templates::parse_defaults(*edited, "d.yaml", any)
                             : tl::make_unexpected(edited.error());
    auto wanted = file->values;
    wanted[key] = {"1"};
    if (edited && (!read || read->values != wanted)) {
      std::abort();
    }
  }
  return 0;
}
