#include "client/templates/config.h"

#include <algorithm>
#include <string_view>

#include "client/templates/strict_yaml.h"
#include "protocol/base/file.h"

namespace rdev::templates {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kClusterKey = "cluster:";

fs::path config_file(const state::Paths& paths) { return paths.config / "config.yaml"; }

// Empty when there is no file.
Result<std::string> read_text(const fs::path& file) {
  auto text = base::read_file(file, kMaxYamlBytes);
  if (!text && text.error().code == Code::kNotFound) {
    return std::string();
  }
  return text;
}

Result<Config> parse_config(const std::string& text, const fs::path& file) {
  const auto document = parse_yaml(text, file.string());
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

}  // namespace

Result<Config> load_config(const state::Paths& paths) {
  const fs::path file = config_file(paths);
  const auto text = read_text(file);
  return text ? parse_config(*text, file) : tl::make_unexpected(text.error());
}

Result<void> select_cluster(const state::Paths& paths, const std::string& name) {
  const fs::path file = config_file(paths);
  const auto text = read_text(file);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  std::string edited;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1) + 1;
    if (!rest.starts_with(kClusterKey)) {
      edited += rest.substr(0, end);
    }
    rest.remove_prefix(end);
  }
  if (!name.empty()) {
    edited += (edited.empty() || edited.ends_with('\n') ? "" : "\n") +
              (std::string(kClusterKey) + " " + name + "\n");
  }
  const auto config = parse_config(edited, file);
  if (!config || config->cluster.value_or("") != name) {
    return fail(Code::kUsage, file.string() + " is written in a way that rdev cannot edit: set `" +
                                  std::string(kClusterKey) + " " + name + "` by hand");
  }
  if (auto made = base::make_private_dir(paths.config); !made) {
    return made;
  }
  return base::write_file_atomic(file, edited, 0600);
}

}  // namespace rdev::templates
