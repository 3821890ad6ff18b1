#include "client/templates/config.h"

#include <system_error>

#include "client/templates/strict_yaml.h"
#include "protocol/base/file.h"

namespace rdev::templates {

Result<Config> load_config(const state::Paths& paths) {
  const std::filesystem::path file = paths.config / "config.yaml";
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error) {
    return Config{};
  }
  const auto text = base::read_file(file, kMaxYamlBytes);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  const auto document = parse_yaml(*text, file.string());
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  Config config;
  auto read = document->mapping({
      {"cluster", [&](const Value& v) { return assign(config.cluster, v.text()); }},
  });
  if (!read) {
    return tl::make_unexpected(read.error());
  }
  return config;
}

}  // namespace rdev::templates
