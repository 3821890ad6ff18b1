#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "client/templates/openpai_settings.h"
#include "client/templates/typed_yaml.h"
#include "client/templates/yaml_text.h"

namespace templates = rdev::templates;

namespace {

void must_read_as(const boost::json::value& value, const std::string& text) {
  const auto again = templates::parse_typed_yaml(text, "t.yaml");
  // What escapes make longer may be too much to be read again.
  if (again ? again->value() != value : again.error().code != rdev::Code::kLimit) {
    std::abort();
  }
}

}  // namespace

// Any text is a value that can be written and read again, or an error that begins with the file's
// name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto document = templates::parse_typed_yaml(text, "t.yaml");
  if (!document) {
    if (!document.error().message.starts_with("t.yaml")) {
      std::abort();
    }
    return 0;
  }
  (void)templates::read_openpai_settings({.text = text, .file = "t.yaml"});
  must_read_as(document->value(), templates::to_yaml(document->value()));
  must_read_as(document->value(), templates::to_json(document->value()));
  return 0;
}
