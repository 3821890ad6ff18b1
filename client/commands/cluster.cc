#include <memory>

#include "client/commands/cluster_account.h"
#include "client/commands/cluster_report.h"
#include "client/commands/cluster_verbs.h"
#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/defaults.h"
#include "client/state/job_record.h"
#include "client/state/tokens.h"
#include "client/templates/cluster_entry.h"

namespace rdev::commands {
namespace {

using templates::ClusterEntry;

struct Options {
  ClusterEntry entry{.kind = "openpai"};
  std::string ca;
  CredentialSource source;
  bool json = false;
};

awaitable<Result<int>> add(Context& context, Options options) {
  ClusterEntry& entry = options.entry;
  entry.ca = options.ca.empty() ? "" : std::filesystem::absolute(options.ca);
  if (auto good = templates::check_cluster_name(entry.name); !good) {
    co_return tl::make_unexpected(good.error());
  }
  // As its file will be read.
  const auto checked = templates::parse_cluster_entry(
      templates::format_cluster_entry(entry), templates::cluster_file(context.paths, entry.name));
  if (!checked) {
    co_return tl::make_unexpected(checked.error());
  }
  auto member = co_await join_cluster(entry, options.source, "add");
  if (!member) {
    co_return tl::make_unexpected(member.error());
  }
  if (auto free = check_not_in_use(context.paths, entry); !free) {
    co_return tl::make_unexpected(free.error());
  }
  auto saved = state::save_token(context.paths, entry.name, member->token);
  if (saved) {
    saved = templates::save_cluster(context.paths, entry);
  }
  if (!saved) {
    co_return tl::make_unexpected(saved.error());
  }
  const auto printed =
      print(options.json ? joined_json(entry, *member) : joined_text(entry, *member));
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

awaitable<Result<int>> login(Context& context, Options options) {
  auto entry = templates::load_cluster(context.paths, options.entry.name);
  if (!entry) {
    co_return tl::make_unexpected(
        no_such_cluster(context.paths, options.entry.name, entry.error()));
  }
  if (!options.entry.user.empty()) {
    entry->user = options.entry.user;
  }
  auto member = co_await join_cluster(*entry, options.source, "login");
  if (!member) {
    co_return tl::make_unexpected(member.error());
  }
  if (auto saved = state::save_token(context.paths, entry->name, member->token); !saved) {
    co_return tl::make_unexpected(saved.error());
  }
  const auto printed =
      print(options.json ? joined_json(*entry, *member) : joined_text(*entry, *member));
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

awaitable<Result<int>> list(Context& context, const Options& options) {
  const auto report = list_clusters(context.paths);
  for (const Error& broken : report.broken) {
    note(broken.message);
  }
  const auto printed = print(options.json ? list_json(report) : list_text(report));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return report.broken.empty() ? 0 : 1;
}

awaitable<Result<int>> show(Context& context, const Options& options) {
  auto entry = templates::load_cluster(context.paths, options.entry.name);
  if (!entry) {
    co_return tl::make_unexpected(
        no_such_cluster(context.paths, options.entry.name, entry.error()));
  }
  const ClusterFacts facts = co_await ask_cluster(context.paths, *entry);
  const auto printed = print(options.json ? show_json(*entry, facts) : show_text(*entry, facts));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  for (const Error& error : facts.errors) {
    note(error.message);
  }
  co_return facts.errors.empty() ? 0 : 1;
}

awaitable<Result<int>> remove(Context& context, const Options& options) {
  const std::string& name = options.entry.name;
  const auto entry = templates::load_cluster(context.paths, name);
  if (!entry && entry.error().code == Code::kNotFound) {
    co_return tl::make_unexpected(no_such_cluster(context.paths, name, entry.error()));
  }
  if (const std::string jobs = jobs_on(context.paths, name); !jobs.empty()) {
    co_return fail(Code::kExists, "jobs are there: " + jobs +
                                      ". End them first (rdev down, or rdev down --forget where "
                                      "the cluster will not answer again)");
  }
  Result<void> done = deselect_cluster(context.paths, name);
  if (done) {
    done = state::remove_token(context.paths, name);
  }
  if (done) {
    done = templates::remove_cluster(context.paths, name);
  }
  if (!done) {
    co_return tl::make_unexpected(done.error());
  }
  note(name + " is removed");
  co_return 0;
}

awaitable<Result<int>> select(Context& context, const Options& options) {
  const std::string& name = options.entry.name;
  if (auto known = cluster::Clusters::check_name(context.paths, name); !known) {
    co_return tl::make_unexpected(known.error());
  }
  if (auto selected = select_cluster(context.paths, name); !selected) {
    co_return tl::make_unexpected(selected.error());
  }
  note("rdev up starts jobs on " + name + " now");
  const auto defaults = load_defaults(context.paths);
  if (defaults && defaults->project && defaults->project->values.contains("cluster")) {
    note("but not here, where " + defaults->project->path.string() + " says which cluster");
  }
  co_return 0;
}

void add_credentials(CLI::App& action, Options& options) {
  action.add_option("--user", options.entry.user, "Your name there");
  action.add_flag("--password-stdin", options.source.password_stdin,
                  "The password is the first line of stdin (or set RDEV_PASSWORD)");
  action.add_flag("--token-stdin", options.source.token_stdin,
                  "A token is the first line of stdin (or set RDEV_TOKEN)");
}

using Action = awaitable<Result<int>> (*)(Context&, const Options&);

CLI::App* add(CLI::App& app, const Chosen& chosen, const std::shared_ptr<Options>& o,
              const char* name, const char* summary, const char* example, Action action) {
  CLI::App* verb = add_verb(app, name, summary, example);
  if (std::string_view(name) != "list") {
    verb->add_option("NAME", o->entry.name, "The cluster")->required();
  }
  if (std::string_view(name) != "remove" && std::string_view(name) != "select") {
    verb->add_flag("--json", o->json, "The result as JSON");
  }
  verb->callback([o, chosen, action] {
    *chosen = [o, action](Context& context) { return action(context, *o); };
  });
  return verb;
}

}  // namespace

std::string jobs_on(const state::Paths& paths, const std::string& cluster) {
  std::string names;
  for (const state::JobRecord& record : state::list(paths).jobs) {
    if (record.cluster == cluster) {
      names += (names.empty() ? "" : ", ") + record.name;
    }
  }
  return names;
}

Result<void> check_not_in_use(const state::Paths& paths, const ClusterEntry& entry) {
  const auto old = templates::load_cluster(paths, entry.name);
  const std::string jobs = jobs_on(paths, entry.name);
  if (!old || jobs.empty() || old->url == entry.url) {
    return {};
  }
  return fail(Code::kExists, entry.name + " is " + old->url + ", and jobs are there: " + jobs +
                                 ". End them (rdev down), or give this cluster another NAME");
}

Run setup_cluster(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  auto chosen = std::make_shared<Work>();
  app.require_subcommand(1);
  CLI::App* adding = add(app, chosen, o, "add", "Add a cluster, and log in",
                         "rdev cluster add pai --url https://pai.example.com --user alice",
                         [](Context& c, const Options& options) { return add(c, options); });
  adding->add_option("--kind", o->entry.kind, "openpai");
  adding->add_option("--url", o->entry.url, "The address of its web portal or REST server")
      ->required();
  add_credentials(*adding, *o);
  adding->add_option("--vc", o->entry.virtual_cluster,
                     "The virtual cluster of jobs that name none");
  adding->add_option("--jump", o->entry.jump,
                     "[USER@]HOST[:PORT] from which the nodes can be reached, with your own ssh");
  adding->add_option("--ca", o->ca, "A file of certificates that the server's must be signed by");
  adding->add_flag("--insecure", o->entry.insecure, "Take any certificate (rdev warns each time)");
  CLI::App* entering =
      add(app, chosen, o, "login", "Log in anew: a token has expired", "rdev cluster login pai",
          [](Context& c, const Options& options) { return login(c, options); });
  add_credentials(*entering, *o);
  add(app, chosen, o, "list", "List the clusters", "rdev cluster list", list);
  add(app, chosen, o, "show", "Show one, and what you may use there", "rdev cluster show pai",
      show);
  add_cluster_resources(app, chosen);
  add_cluster_update(app, chosen);
  add_cluster_edit(app, chosen);
  add_cluster_import(app, chosen);
  add(app, chosen, o, "remove", "Forget one, and its token", "rdev cluster remove pai", remove);
  add(app, chosen, o, "select", "Let `rdev up` start jobs there", "rdev cluster select pai",
      select);
  return [chosen] { return run(*chosen); };
}

}  // namespace rdev::commands
