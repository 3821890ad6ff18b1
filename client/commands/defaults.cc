#include "client/commands/defaults.h"

#include <algorithm>
#include <system_error>

#include "client/cluster/clusters.h"
#include "client/commands/context.h"
#include "client/commands/like.h"
#include "client/templates/cluster_entry.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

using state::Trust;
using templates::DefaultKey;
using templates::DefaultsFile;
using templates::DefaultValues;

// Of `rdev job run` alone.
bool is_of_run(std::string_view key) {
  return key == "source" || key == "pip" || key == "python" || key == "port";
}

const DefaultValues* values_in(const DefaultsFile& file, const DefaultKey& key) {
  const auto found = file.values.find(std::string(key.name));
  return found == file.values.end() ? nullptr : &found->second;
}

Result<std::optional<DefaultsFile>> load_project(const fs::path& directory) {
  const auto path = templates::find_project_defaults(directory);
  if (!path) {
    note(path.error().message);
    return std::nullopt;
  }
  if (!*path) {
    return std::nullopt;
  }
  auto file = templates::load_project_defaults(**path, check_default);
  if (!file) {
    return tl::make_unexpected(file.error());
  }
  return std::optional<DefaultsFile>(*std::move(file));
}

tl::unexpected<Error> withheld(const Defaults& defaults, std::string_view key) {
  return fail(Code::kPermission,
              defaults.project->path.string() + " chooses '" + std::string(key) + "', and " +
                  (defaults.trust == Trust::kChanged ? "has changed since you trusted it"
                                                     : "you have not said that you trust it") +
                  ": read it, then rdev trust; or say --" + std::string(key));
}

// Relative to the file that says it: "job.yaml", "src".
std::string absolute_path(const std::string& value, const fs::path& file) {
  return (file.parent_path() / value).lexically_normal().string();  // absolute ones stay
}

Result<unsigned> kind_bit(const state::Paths& paths, const std::string& cluster) {
  const auto kind = cluster::Clusters::kind(paths, cluster.empty() ? "local" : cluster);
  if (!kind) {
    return tl::make_unexpected(kind.error());
  }
  if (*kind == "openpai") {
    return DefaultKey::kOpenPai;
  }
  return *kind == "docker" ? DefaultKey::kDocker : DefaultKey::kLocal;
}

// Fills in where jobs run, and the template that may say it.
Result<void> choose_cluster(const state::Paths& paths, const Defaults& defaults,
                            UpOptions& options) {
  if (options.job_template.empty()) {
    const auto chosen = default_values(defaults, "template");
    if (!chosen) {
      return tl::make_unexpected(chosen.error());
    }
    options.job_template = chosen->empty() ? "" : chosen->front();
  }
  if (options.cluster.empty() && !options.job_template.empty()) {
    options.cluster = cluster_of_template(paths, options.job_template).value_or("");
  }
  if (options.cluster.empty()) {
    const auto chosen = default_values(defaults, "cluster");
    if (!chosen) {
      return tl::make_unexpected(chosen.error());
    }
    options.cluster = chosen->empty() ? "" : chosen->front();
  }
  return {};
}

bool is_wanted(const DefaultKey& key, const UpOptions& given,
               const std::vector<std::string>& of_run) {
  if (is_of_run(key.name)) {
    return std::find(of_run.begin(), of_run.end(), key.name) != of_run.end();
  }
  return !options_json(given).contains(key.name) &&
         (given.job_template.empty() || key.name == "cluster");
}

void tell(const std::vector<std::string_view>& keys, const Defaults& defaults) {
  std::string text;
  for (const std::string_view key : keys) {
    text += text.empty() ? "" : ", ";
    text += key;
  }
  if (!text.empty()) {
    note("with " + text + " of " + defaults.project->path.string());
  }
}

Result<void> save_cluster(const DefaultsFile& file, const std::optional<DefaultValues>& values) {
  const auto edited = templates::edit_defaults(file, "cluster", values);
  return edited ? templates::save_defaults(file, *edited) : tl::make_unexpected(edited.error());
}

}  // namespace

Result<void> check_default(const DefaultKey& key, const DefaultValues& values) {
  if (std::any_of(values.begin(), values.end(), [](const auto& one) { return one.empty(); })) {
    return fail(Code::kUsage, "must not be empty");
  }
  if (is_of_run(key.name)) {
    return {};
  }
  if (key.name == "cluster" && values.front() != "local" && values.front() != "docker") {
    return templates::check_cluster_name(values.front());
  }
  UpOptions options;
  auto good = set_option(options, key.name, values);
  good = good ? check_options(options) : good;
  const std::string option = "--" + std::string(key.name) + ": ";
  if (!good && good.error().message.starts_with(option)) {
    return fail(good.error().code, good.error().message.substr(option.size()));
  }
  return good;
}

Result<Defaults> load_defaults(const state::Paths& paths) {
  auto user = templates::load_user_defaults(paths, check_default);
  std::error_code error;
  const fs::path here = fs::current_path(error);
  auto project = error ? Result<std::optional<DefaultsFile>>(std::nullopt) : load_project(here);
  if (!user || !project) {
    return tl::make_unexpected(user ? project.error() : user.error());
  }
  Defaults defaults{.user = *std::move(user), .project = *std::move(project)};
  if (defaults.project) {
    const auto trust = state::trust_of(paths, defaults.project->path, defaults.project->text);
    if (!trust) {
      return tl::make_unexpected(trust.error());
    }
    defaults.trust = *trust;
  }
  return defaults;
}

std::optional<Default> find_default(const Defaults& defaults, const DefaultKey& key) {
  if (const auto* values = defaults.project ? values_in(*defaults.project, key) : nullptr) {
    return Default{.values = *values,
                   .file = &*defaults.project,
                   .is_withheld = !key.is_safe && defaults.trust != Trust::kTrusted};
  }
  if (const auto* values = values_in(defaults.user, key)) {
    return Default{.values = *values, .file = &defaults.user};
  }
  if (!key.built_in.empty()) {
    return Default{.values = {std::string(key.built_in)}};
  }
  return std::nullopt;
}

std::string why_not_trusted(const Defaults& defaults) {
  for (const DefaultKey& key : templates::default_keys()) {
    const auto found = find_default(defaults, key);
    if (found && found->is_withheld) {
      return withheld(defaults, key.name).value().message;
    }
  }
  return {};
}

Result<DefaultValues> default_values(const Defaults& defaults, std::string_view name) {
  const auto key = templates::find_default_key(std::string(name));
  if (!key) {
    return tl::make_unexpected(key.error());
  }
  auto found = find_default(defaults, **key);
  if (!found || found->file == nullptr) {
    return DefaultValues();
  }
  if (found->is_withheld) {
    return withheld(defaults, name);
  }
  for (std::string& value : found->values) {
    value = templates::is_path(**key, value) ? absolute_path(value, found->file->path) : value;
  }
  return std::move(found->values);
}

Result<std::string> default_cluster(const state::Paths& paths) {
  const auto defaults = load_defaults(paths);
  const auto chosen = defaults ? default_values(*defaults, "cluster")
                               : Result<DefaultValues>(tl::make_unexpected(defaults.error()));
  if (!chosen) {
    return tl::make_unexpected(chosen.error());
  }
  return chosen->empty() ? std::string() : chosen->front();
}

std::string selected_cluster(const Defaults& defaults) {
  const DefaultKey& key = **templates::find_default_key("cluster");
  const auto found = find_default(defaults, key);
  if (found && !found->is_withheld) {
    return found->values.front();
  }
  const auto* own = values_in(defaults.user, key);
  return own != nullptr ? own->front() : std::string(key.built_in);
}

Result<void> select_cluster(const state::Paths& paths, const std::string& name) {
  const auto user = templates::load_user_defaults(paths, check_default);
  return user ? save_cluster(*user, DefaultValues{name}) : tl::make_unexpected(user.error());
}

Result<void> deselect_cluster(const state::Paths& paths, const std::string& name) {
  const auto user = templates::load_user_defaults(paths, check_default);
  if (!user) {
    return tl::make_unexpected(user.error());
  }
  const auto found = user->values.find("cluster");
  const bool is_it = found != user->values.end() && found->second.front() == name;
  return is_it ? save_cluster(*user, std::nullopt) : Result<void>();
}

Result<Filled> with_defaults(const state::Paths& paths, const UpOptions& given,
                             const std::vector<std::string>& of_run) {
  const auto defaults = load_defaults(paths);
  if (!defaults) {
    return tl::make_unexpected(defaults.error());
  }
  Filled filled{.options = given, .of_run = {}};
  if (auto chosen = choose_cluster(paths, *defaults, filled.options); !chosen) {
    return tl::make_unexpected(chosen.error());
  }
  const auto kind = kind_bit(paths, filled.options.cluster);
  if (!kind) {
    return tl::make_unexpected(kind.error());
  }
  std::vector<std::string_view> of_project;
  for (const DefaultKey& key : templates::default_keys()) {
    const auto found = find_default(*defaults, key);
    if (!found || found->file == nullptr || (key.kinds & *kind) == 0 ||
        !is_wanted(key, given, of_run)) {
      continue;
    }
    const std::string name(key.name);
    auto values = default_values(*defaults, name);
    if (!values) {
      return tl::make_unexpected(values.error());
    }
    if (key.name == "cluster" && filled.options.cluster != values->front()) {
      continue;  // the template has its own
    }
    if (is_of_run(name)) {
      filled.of_run[name] = *std::move(values);
    } else if (auto set = set_option(filled.options, name, *values); !set) {
      return tl::make_unexpected(set.error());
    }
    if (found->file->is_project) {
      of_project.push_back(key.name);
    }
  }
  tell(of_project, *defaults);
  return filled;
}

}  // namespace rdev::commands
