#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "client/commands/job_plan.h"
#include "client/state/trust.h"
#include "client/templates/defaults.h"

namespace rdev::commands {

// The defaults that hold in the working directory: the user's, and over them the project's.
struct Defaults {
  templates::DefaultsFile user;
  std::optional<templates::DefaultsFile> project;
  state::Trust trust = state::Trust::kNone;  // in the project's file
};

// Files are checked whole, also values that go unused. A project's file that is not to be used at
// all (templates::find_project_defaults) is a note on stderr.
Result<Defaults> load_defaults(const state::Paths& paths);
// What the files are held to.
Result<void> check_default(const templates::DefaultKey& key,
                           const templates::DefaultValues& values);

struct Default {
  templates::DefaultValues values;
  const templates::DefaultsFile* file = nullptr;  // nullptr: built in
  bool is_withheld = false;                       // until somebody trusts the project's file
};
// nullopt: there is none.
std::optional<Default> find_default(const Defaults& defaults, const templates::DefaultKey& key);

// Why the project's file may not choose all that it does; empty when it may.
std::string why_not_trusted(const Defaults& defaults);

// The values to use, paths in them absolute; none is an empty list. Code::kPermission for those of
// a project's file that nobody trusts.
Result<templates::DefaultValues> default_values(const Defaults& defaults, std::string_view key);

// The cluster that is meant where none is named; empty when nothing says so.
Result<std::string> default_cluster(const state::Paths& paths);
// The same for a list of clusters: what must not be used does not count.
std::string selected_cluster(const Defaults& defaults);
Result<void> select_cluster(const state::Paths& paths, const std::string& name);
// No cluster is selected any more if it was this one.
Result<void> deselect_cluster(const state::Paths& paths, const std::string& name);

struct Filled {
  UpOptions options;
  std::map<std::string, templates::DefaultValues> of_run;  // those asked for that have a default
};

// What was given, over the defaults of what the cluster has something like. With a template on the
// command line only `cluster` counts of `rdev up`'s: the template is the job. `of_run` are the
// options of `rdev job run` alone that were not given. What comes from a project's file is told on
// stderr.
Result<Filled> with_defaults(const state::Paths& paths, const UpOptions& given,
                             const std::vector<std::string>& of_run = {});

}  // namespace rdev::commands
