#include "client/templates/cluster_entry.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <system_error>

#include "client/state/job_record.h"
#include "client/templates/strict_yaml.h"
#include "protocol/base/file.h"

namespace rdev::templates {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".yaml";
constexpr char kHeader[] = "# Written by `rdev cluster add`; edit it as you like.\n";

Result<std::string> known_kind(const Value& value) {
  auto kind = value.text();
  if (kind && *kind != "openpai") {
    return value.wrong("'" + *kind + "' is no kind of cluster that can be added: write openpai");
  }
  return kind;
}

Result<std::string> web_address(const Value& value) {
  auto url = value.text();
  if (url && !url->starts_with("https://") && !url->starts_with("http://")) {
    return value.wrong("'" + *url + "' is no address: write https://HOST, or http://HOST");
  }
  return url;
}

Result<fs::path> absolute_path(const Value& value) {
  const auto text = value.text();
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  if (!text->starts_with('/')) {
    return value.wrong("'" + *text + "' is not an absolute path");
  }
  return fs::path(*text);
}

}  // namespace

Result<void> check_cluster_name(const std::string& name) {
  if (name == "local" || name == "docker") {
    return fail(Code::kUsage, "'" + name + "' is built in: give the cluster another NAME");
  }
  if (!state::valid_job_name(name)) {
    return fail(Code::kUsage, "'" + name +
                                  "' cannot be a cluster's name: write up to 31 letters a-z, "
                                  "digits and '-', a letter first");
  }
  return {};
}

Result<ClusterEntry> parse_cluster_entry(std::string_view text, const std::string& file) {
  const auto document = parse_yaml(text, file);
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  ClusterEntry entry;
  auto read = document->mapping({
      {"kind", [&](const Value& v) { return assign(entry.kind, known_kind(v)); }},
      {"url", [&](const Value& v) { return assign(entry.url, web_address(v)); }},
      {"user", [&](const Value& v) { return assign(entry.user, v.text()); }},
      {"virtual_cluster", [&](const Value& v) { return assign(entry.virtual_cluster, v.text()); }},
      {"jump", [&](const Value& v) { return assign(entry.jump, v.text()); }},
      {"dial", [&](const Value& v) { return assign(entry.dial, v.texts()); }},
      {"ca", [&](const Value& v) { return assign(entry.ca, absolute_path(v)); }},
      {"insecure", [&](const Value& v) { return assign(entry.insecure, v.flag()); }},
  });
  if (!read) {
    return tl::make_unexpected(read.error());
  }
  if (entry.kind.empty() || entry.url.empty()) {
    return document->wrong(std::string(entry.kind.empty() ? "kind" : "url") + " is missing");
  }
  if (!entry.jump.empty() && !entry.dial.empty()) {
    return document->wrong("jump and dial are two ways to the same nodes: keep one");
  }
  return entry;
}

std::string format_cluster_entry(const ClusterEntry& entry) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  const std::pair<const char*, std::string> texts[] = {
      {"kind", entry.kind}, {"url", entry.url},
      {"user", entry.user}, {"virtual_cluster", entry.virtual_cluster},
      {"jump", entry.jump}, {"ca", entry.ca.string()}};
  for (const auto& [key, value] : texts) {
    if (!value.empty()) {
      out << YAML::Key << key << YAML::Value << value;
    }
  }
  if (!entry.dial.empty()) {
    out << YAML::Key << "dial" << YAML::Value << YAML::Flow << entry.dial;
  }
  if (entry.insecure) {
    out << YAML::Key << "insecure" << YAML::Value << true;
  }
  out << YAML::EndMap;
  return std::string(kHeader) + out.c_str() + "\n";
}

fs::path cluster_file(const state::Paths& paths, const std::string& name) {
  return paths.config / "clusters" / (name + std::string(kSuffix));
}

Result<ClusterEntry> load_cluster(const state::Paths& paths, const std::string& name) {
  if (auto good = check_cluster_name(name); !good) {
    return tl::make_unexpected(good.error());
  }
  const fs::path file = cluster_file(paths, name);
  const auto text = base::read_file(file, kMaxYamlBytes);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  auto entry = parse_cluster_entry(*text, file.string());
  if (entry) {
    entry->name = name;
  }
  return entry;
}

Result<void> save_cluster(const state::Paths& paths, const ClusterEntry& entry) {
  const fs::path file = cluster_file(paths, entry.name);
  if (auto made = base::make_private_dir(file.parent_path()); !made) {
    return made;
  }
  return base::write_file_atomic(file, format_cluster_entry(entry), 0600);
}

Result<void> remove_cluster(const state::Paths& paths, const std::string& name) {
  std::error_code error;
  const fs::path file = cluster_file(paths, name);
  fs::remove(file, error);
  if (error) {
    return fail_errno("cannot remove " + file.string(), error.value());
  }
  return {};
}

std::vector<std::string> cluster_names(const state::Paths& paths) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(paths.config / "clusters", error)) {
    const std::string name = file.path().stem().string();
    if (file.path().extension() == kSuffix && check_cluster_name(name)) {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace rdev::templates
