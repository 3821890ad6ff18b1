#include "client/state/history.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/like.h"
#include "client/ui/table.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

struct Options {
  std::string name;
  std::size_t limit = 20;
  bool json = false;
};

std::string as_table(const std::vector<state::Submission>& all) {
  ui::Rows rows = {{"WHEN", "COMMAND", "NAME", "CLUSTER", "OPTIONS"}};
  const std::int64_t now = std::time(nullptr);
  for (const state::Submission& one : all) {
    rows.push_back({ui::format_ago(std::chrono::seconds(now - one.at_unix_s)), one.command,
                    one.name, one.cluster, options_text(one.options)});
  }
  return ui::render_table(rows, ui::look_of(STDOUT_FILENO));
}

std::string as_json(const std::vector<state::Submission>& all) {
  json::array array;
  for (const state::Submission& one : all) {
    array.push_back(json::object{{"at_unix_s", one.at_unix_s},
                                 {"command", one.command},
                                 {"name", one.name},
                                 {"cluster", one.cluster},
                                 {"native", one.native},
                                 {"options", one.options},
                                 {"document", one.document}});
  }
  return json::serialize(array) + "\n";
}

awaitable<Result<int>> history(Context& context, const Options& options) {
  auto all = state::read_history(context.paths);
  if (!all) {
    co_return tl::make_unexpected(all.error());
  }
  if (!options.name.empty()) {
    std::erase_if(*all, [&](const state::Submission& one) { return one.name != options.name; });
  }
  if (options.limit != 0 && all->size() > options.limit) {
    all->resize(options.limit);
  }
  if (all->empty() && !options.json) {
    note("nothing was submitted from here" +
         (options.name.empty() ? "" : " under the name " + options.name));
    co_return 0;
  }
  const auto printed = print(options.json ? as_json(*all) : as_table(*all));
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

}  // namespace

Run setup_history(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "Only what was submitted under this name");
  app.add_option("--limit", o->limit, "How many, the newest first (default: 20); 0: all");
  app.add_flag("--json", o->json, "The result as JSON, with the documents");
  return [o] { return run([o](Context& context) { return history(context, *o); }); };
}

}  // namespace rdev::commands
