#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::templates {

// Options that need not be typed. They are in config.yaml in the configuration directory, and over
// it in the project's file: the nearest .rdev.yaml in the working directory or above. The keys are
// the long options of `rdev up` and `rdev job run`.

struct DefaultKey {
  enum Kind : unsigned { kLocal = 1, kDocker = 2, kOpenPai = 4, kAll = 7 };
  std::string_view name;
  bool is_list = false;
  // A project's file may choose it though nobody has said `rdev trust`: what a job is made of, not
  // where it runs, what of the laptop it gets, or what runs before the user's command.
  bool is_safe = false;
  unsigned kinds = kAll;  // of clusters that have something like it
  std::string_view built_in = {};
  std::string_view text = {};
};

std::span<const DefaultKey> default_keys();
// Code::kUsage for a name that none has; it tells what pai's names are called here.
Result<const DefaultKey*> find_default_key(const std::string& name);

using DefaultValues = std::vector<std::string>;  // one, or those of a list
// Whether the command line would take it.
using DefaultCheck = std::function<Result<void>(const DefaultKey&, const DefaultValues&)>;

inline constexpr std::string_view kProjectDefaults = ".rdev.yaml";

// Whether `value` is a path, which a file says relative to itself.
bool is_path(const DefaultKey& key, std::string_view value);

struct DefaultsFile {
  std::filesystem::path path;
  bool is_project = false;
  std::string text;
  std::map<std::string, DefaultValues> values;
};

// Code::kUsage "FILE:LINE:COLUMN: KEY: …" for whatever is not understood.
Result<DefaultsFile> parse_defaults(std::string text, std::filesystem::path path,
                                    const DefaultCheck& check);

// The keys in it that are not safe.
std::vector<std::string_view> keys_that_need_trust(const DefaultsFile& file);

std::filesystem::path user_defaults_path(const state::Paths& paths);
// Without the file: no values.
Result<DefaultsFile> load_user_defaults(const state::Paths& paths, const DefaultCheck& check);

// The nearest from `directory` up. A file that another user owns or that everybody may write to is
// Code::kPermission.
Result<std::optional<std::filesystem::path>> find_project_defaults(
    const std::filesystem::path& directory);
Result<DefaultsFile> load_project_defaults(const std::filesystem::path& path,
                                           const DefaultCheck& check);

// The file's text with `key` set, or without it (nullopt). All other lines stay as they are.
// Code::kUsage where it is written in a way that cannot be edited.
Result<std::string> edit_defaults(const DefaultsFile& file, const std::string& key,
                                  const std::optional<DefaultValues>& values);
// Replaces it in one step: 0600 for the user's, as it was or 0644 for a project's.
Result<void> save_defaults(const DefaultsFile& file, const std::string& text);

}  // namespace rdev::templates
