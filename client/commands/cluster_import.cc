#include <sys/stat.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <memory>

#include "client/commands/cluster_account.h"
#include "client/commands/cluster_verbs.h"
#include "client/state/tokens.h"
#include "client/templates/old_clusters.h"
#include "client/ui/table.h"
#include "protocol/base/file.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

using templates::OldCluster;

constexpr std::size_t kMaxFile = 256U << 10U;

struct Options {
  std::string file;
  bool replace = false;
  bool json = false;
};

struct Imported {
  std::string alias, name, url;
  std::string problem;  // empty: it is here
};

Result<fs::path> file_of(const Options& options) {
  if (!options.file.empty()) {
    return fs::path(options.file);
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    return fail(Code::kUsage, "HOME is not set: say which FILE");
  }
  return fs::path(home) / ".openpai/clusters.yaml";
}

std::string by_hand(const Imported& one, const OldCluster& old) {
  return "; to add it by hand: rdev cluster add " + one.name + " --url " + old.uri +
         (old.user.empty() ? "" : " --user " + old.user);
}

awaitable<Result<void>> import_one(Context& context, const OldCluster& old, const Options& options,
                                   Imported& imported) {
  templates::ClusterEntry entry{
      .name = imported.name, .kind = "openpai", .url = old.uri, .user = old.user};
  if (!options.replace && templates::load_cluster(context.paths, entry.name)) {
    co_return fail(Code::kExists, "it is here already (--replace takes the old tool's)");
  }
  CredentialSource source{.password = old.password, .token = old.token};
  if (old.password.empty() && old.token.empty()) {
    co_return fail(Code::kUsage,
                   "the file has neither a password nor a token" + by_hand(imported, old));
  }
  auto member = co_await join_cluster(entry, std::move(source), "add");
  if (!member) {
    co_return fail(member.error().code, member.error().message + by_hand(imported, old));
  }
  auto done = check_not_in_use(context.paths, entry);
  if (done) {
    done = state::save_token(context.paths, entry.name, member->token);
  }
  if (done) {
    done = templates::save_cluster(context.paths, entry);
  }
  imported.url = entry.url;
  co_return done;
}

std::string as_text(const std::vector<Imported>& all) {
  ui::Rows rows = {{"ALIAS", "NAME", "URL", "RESULT"}};
  for (const Imported& one : all) {
    rows.push_back({one.alias, one.name, one.url, one.problem.empty() ? "imported" : one.problem});
  }
  return ui::render_table(rows);
}

std::string as_json(const std::vector<Imported>& all) {
  json::array array;
  for (const Imported& one : all) {
    array.push_back(json::object{{"alias", one.alias},
                                 {"name", one.name},
                                 {"url", one.url},
                                 {"imported", one.problem.empty()},
                                 {"problem", one.problem}});
  }
  return json::serialize(array) + "\n";
}

void warn_of_secrets(const fs::path& file) {
  struct stat info{};
  const bool is_open = ::stat(file.c_str(), &info) == 0 && (info.st_mode & 077U) != 0;
  note(file.string() + " still holds passwords and tokens in clear" +
       (is_open ? ", and others may read it" : "") +
       ": rdev has no need of it any more (rdev keeps a token only)");
}

awaitable<Result<int>> import(Context& context, const Options& options) {
  const auto file = file_of(options);
  const auto text = file ? base::read_file(*file, kMaxFile) : tl::make_unexpected(file.error());
  const auto old = text ? templates::parse_old_clusters(*text, file->string())
                        : tl::make_unexpected(text.error());
  if (!old) {
    co_return tl::make_unexpected(old.error());
  }
  int code = 0;
  std::vector<Imported> all;
  all.reserve(old->size());
  for (const OldCluster& one : *old) {
    all.push_back({.alias = one.alias,
                   .name = templates::name_of_alias(one.alias),
                   .url = one.uri,
                   .problem = {}});
    const auto done = co_await import_one(context, one, options, all.back());
    if (!done) {
      all.back().problem = done.error().message;
      code = 1;
    }
  }
  warn_of_secrets(*file);
  const auto printed = print(options.json ? as_json(all) : as_text(all));
  co_return printed ? Result<int>(code) : tl::make_unexpected(printed.error());
}

}  // namespace

void add_cluster_import(CLI::App& cluster, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(cluster, "import", "Add the clusters that pai or opai had",
                            "rdev cluster import ~/.openpai/clusters.yaml");
  verb->add_option("FILE", o->file, "By default ~/.openpai/clusters.yaml; it stays as it is");
  verb->add_flag("--replace", o->replace, "Also those that are here already");
  verb->add_flag("--json", o->json, "The result as JSON");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return import(context, *o); }; });
}

}  // namespace rdev::commands
