#include "client/templates/defaults.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "client/templates/strict_yaml.h"
#include "client/ui/suggest.h"
#include "protocol/base/file.h"

namespace rdev::templates {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kInContainers = DefaultKey::kDocker | DefaultKey::kOpenPai;

// In the order in which they are shown.
constexpr std::array kKeys = {
    DefaultKey{.name = "cluster", .built_in = "local", .text = "Where jobs run"},
    DefaultKey{.name = "image", .is_safe = true, .kinds = kInContainers, .text = "A job's image"},
    DefaultKey{.name = "template", .text = "The template: a file, or a name in jobtemplates/"},
    DefaultKey{
        .name = "gpus", .is_safe = true, .kinds = kInContainers, .text = "How many GPUs, or all"},
    DefaultKey{.name = "cpus", .is_safe = true, .kinds = kInContainers, .text = "How many CPUs"},
    DefaultKey{.name = "memory", .is_safe = true, .kinds = kInContainers, .text = "As in 8g"},
    DefaultKey{.name = "shm", .is_safe = true, .kinds = kInContainers, .text = "As in 1g"},
    DefaultKey{.name = "ttl",
               .is_safe = true,
               .built_in = "5h",
               .text = "How long a job of rdev up lives: 90m, 5h, none"},
    DefaultKey{.name = "env", .is_list = true, .text = "KEY=VALUE, or KEY to pass yours on"},
    DefaultKey{.name = "mount",
               .is_list = true,
               .kinds = DefaultKey::kDocker,
               .text = "HOST:PATH or HOST:PATH:ro"},
    DefaultKey{.name = "user", .kinds = DefaultKey::kDocker, .text = "Who the job runs as"},
    DefaultKey{.name = "publish", .kinds = DefaultKey::kDocker, .text = "For the agent's port"},
    DefaultKey{.name = "vc", .kinds = DefaultKey::kOpenPai, .text = "The virtual cluster"},
    DefaultKey{.name = "priority", .kinds = DefaultKey::kOpenPai, .text = "prod, test or oppo"},
    DefaultKey{
        .name = "sku", .is_safe = true, .kinds = DefaultKey::kOpenPai, .text = "The kind of node"},
    DefaultKey{
        .name = "instances", .is_safe = true, .kinds = DefaultKey::kOpenPai, .text = "How many"},
    DefaultKey{.name = "storage",
               .is_list = true,
               .kinds = DefaultKey::kOpenPai,
               .text = "A storage to mount, NAME or NAME:PATH"},
    DefaultKey{.name = "setup",
               .is_list = true,
               .kinds = DefaultKey::kOpenPai,
               .text = "A line for the job's shell before all else"},
    DefaultKey{.name = "inject",
               .kinds = DefaultKey::kOpenPai,
               .built_in = "stub",
               .text = "How the agent comes in"},
    DefaultKey{.name = "attach-timeout",
               .is_safe = true,
               .kinds = DefaultKey::kOpenPai,
               .built_in = "15m",
               .text = "How long a job waits for this laptop"},
    DefaultKey{.name = "source", .is_list = true, .text = "job run: a file or folder to bring"},
    DefaultKey{.name = "pip", .is_list = true, .text = "job run: what pip installs"},
    DefaultKey{.name = "python", .text = "job run: the python for pip and CMD"},
    DefaultKey{.name = "port",
               .is_list = true,
               .is_safe = true,
               .kinds = DefaultKey::kOpenPai,
               .text = "job run: LABEL or LABEL=COUNT"},
};

// What pai and opai called them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kOldNames = {{
    {"cluster-alias", "it is called cluster here"},
    {"virtual-cluster", "it is called vc here"},
    {"storage-alias", "it is called storage here"},
    {"workspace", "set storage=NAME here, and name the folder in it, as in cd /mnt/NAME/FOLDER"},
    {"gpu", "it is called gpus here"},
    {"cpu", "it is called cpus here"},
    {"mem", "it is called memory here"},
    {"memoryMB", "it is called memory here, as in 4096m"},
    {"sources", "it is called source here"},
    {"pip-installs", "it is called pip here"},
    {"container-sdk-branch", "nothing of rdev is installed in a job that would have a version"},
    {"clusters-in-local", "set RDEV_HOME to a directory that keeps all of rdev's files"},
}};

Result<DefaultValues> values_of(const DefaultKey& key, const Value& value) {
  if (key.is_list) {
    return value.texts();
  }
  auto text = value.text();
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  return DefaultValues{*std::move(text)};
}

Result<void> read_value(DefaultsFile& file, const DefaultKey& key, const DefaultCheck& check,
                        const Value& value) {
  auto values = values_of(key, value);
  if (!values) {
    return tl::make_unexpected(values.error());
  }
  if (auto good = check(key, *values); !good) {
    return value.wrong(good.error().message);
  }
  file.values[std::string(key.name)] = *std::move(values);
  return {};
}

// Somebody else's file in a directory above, /tmp say, is not a project's.
Result<void> check_owner(const fs::path& path, const struct stat& status) {
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return fail(Code::kPermission, path.string() + " belongs to another user: it is not used");
  }
  if ((status.st_mode & S_IWOTH) != 0) {
    return fail(Code::kPermission,
                path.string() + " can be written by everybody: chmod o-w, and it is used");
  }
  return {};
}

}  // namespace

std::span<const DefaultKey> default_keys() { return kKeys; }

Result<const DefaultKey*> find_default_key(const std::string& name) {
  std::vector<std::string_view> names;
  names.reserve(kKeys.size());
  for (const DefaultKey& key : kKeys) {
    if (key.name == name) {
      return &key;
    }
    names.push_back(key.name);
  }
  for (const auto& [old, sentence] : kOldNames) {
    if (old == name) {
      return fail(Code::kUsage, "'" + name + "': " + std::string(sentence));
    }
  }
  return fail(Code::kUsage, "'" + name + "' has no default" + ui::did_you_mean(name, names) +
                                " (rdev get --all lists what has)");
}

Result<DefaultsFile> parse_defaults(std::string text, fs::path path, const DefaultCheck& check) {
  DefaultsFile file{.path = std::move(path), .text = std::move(text), .values = {}};
  const auto document = parse_yaml(file.text, file.path.string());
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  std::map<std::string_view, Value::Setter> setters;
  for (const DefaultKey& key : kKeys) {
    setters.emplace(key.name,
                    [&](const Value& value) { return read_value(file, key, check, value); });
  }
  for (const auto& [old, sentence] : kOldNames) {
    setters.emplace(old, [&](const Value& value) -> Result<void> {
      return value.wrong(std::string(sentence));
    });
  }
  if (auto read = document->mapping(setters); !read) {
    return tl::make_unexpected(read.error());
  }
  return file;
}

bool is_path(const DefaultKey& key, std::string_view value) {
  const bool is_file = value.find('/') != std::string_view::npos || value.ends_with(".yaml");
  return key.name == "source" || (key.name == "template" && is_file);
}

std::vector<std::string_view> keys_that_need_trust(const DefaultsFile& file) {
  std::vector<std::string_view> keys;
  for (const DefaultKey& key : kKeys) {
    if (!key.is_safe && file.values.contains(std::string(key.name))) {
      keys.push_back(key.name);
    }
  }
  return keys;
}

fs::path user_defaults_path(const state::Paths& paths) { return paths.config / "config.yaml"; }

Result<DefaultsFile> load_user_defaults(const state::Paths& paths, const DefaultCheck& check) {
  const fs::path path = user_defaults_path(paths);
  auto text = base::read_file(path, kMaxYamlBytes);
  if (!text && text.error().code != Code::kNotFound) {
    return tl::make_unexpected(text.error());
  }
  return parse_defaults(std::move(text).value_or(std::string()), path, check);
}

Result<std::optional<fs::path>> find_project_defaults(const fs::path& directory) {
  for (fs::path here = directory;; here = here.parent_path()) {
    fs::path path = here / kProjectDefaults;
    struct stat status{};
    if (::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      if (auto ours = check_owner(path, status); !ours) {
        return tl::make_unexpected(ours.error());
      }
      return path;
    }
    if (!here.has_relative_path()) {
      return std::nullopt;
    }
  }
}

Result<DefaultsFile> load_project_defaults(const fs::path& path, const DefaultCheck& check) {
  auto text = base::read_file(path, kMaxYamlBytes);
  auto file = text ? parse_defaults(*std::move(text), path, check)
                   : Result<DefaultsFile>(tl::make_unexpected(text.error()));
  if (file) {
    file->is_project = true;
  }
  return file;
}

Result<void> save_defaults(const DefaultsFile& file, const std::string& text) {
  if (!file.is_project) {
    if (auto made = base::make_private_dir(file.path.parent_path()); !made) {
      return made;
    }
    return base::write_file_atomic(file.path, text, 0600);
  }
  std::error_code error;
  const fs::path real = fs::exists(file.path, error) ? fs::canonical(file.path, error) : file.path;
  if (error) {
    return fail_errno("cannot find " + file.path.string(), error.value());
  }
  struct stat status{};
  const bool is_there = ::stat(real.c_str(), &status) == 0;
  return base::write_file_atomic(real, text, is_there ? status.st_mode & 0777U : 0644U);
}

}  // namespace rdev::templates
