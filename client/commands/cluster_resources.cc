#include <unistd.h>

#include <boost/json.hpp>
#include <cmath>
#include <memory>

#include "client/commands/cluster_verbs.h"
#include "client/commands/watch.h"
#include "client/ui/table.h"
#include "protocol/base/all_of.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

using cluster::Pool;

constexpr std::chrono::seconds kLimit{20};
constexpr std::chrono::seconds kWatchPause{5};

struct Options {
  std::vector<std::string> names;
  bool watch = false;
  bool json = false;
};

struct Answer {
  std::string cluster;
  std::vector<Pool> pools;
  std::optional<Error> error;
};

awaitable<Result<void>> ask(Context& context, Answer& answer) {
  const auto cluster = context.clusters.get(answer.cluster);
  auto pools =
      cluster ? co_await base::with_timeout((*cluster)->pools(), kLimit, "asking " + answer.cluster)
              : tl::make_unexpected(cluster.error());
  if (pools) {
    answer.pools = *std::move(pools);
  } else {
    answer.error = pools.error();
  }
  co_return Result<void>();
}

// All at once. By default all that have been added; without any, what is built in.
awaitable<Result<std::vector<Answer>>> ask_all(Context& context, const Options& options) {
  std::vector<std::string> names = options.names;
  if (names.empty()) {
    names = templates::cluster_names(context.paths);
  }
  const bool is_built_in_only = names.empty();
  if (is_built_in_only) {
    names = {"local", "docker"};
  }
  std::vector<Answer> answers;
  answers.reserve(names.size());
  for (const std::string& name : names) {
    if (auto known = cluster::Clusters::check_name(context.paths, name); !known) {
      co_return tl::make_unexpected(known.error());
    }
    answers.push_back({.cluster = name, .pools = {}, .error = {}});
  }
  std::vector<awaitable<Result<void>>> works;
  works.reserve(answers.size());
  for (Answer& answer : answers) {
    works.push_back(ask(context, answer));
  }
  const auto asked = co_await base::all_of(std::move(works));
  if (!asked) {
    co_return tl::make_unexpected(asked.error());
  }
  if (is_built_in_only) {  // not everybody has a docker
    std::erase_if(answers, [](const Answer& answer) { return answer.error.has_value(); });
  }
  co_return answers;
}

// 4, 2.5.
std::string number(double value) {
  const double rounded = std::round(value * 10) / 10;
  std::string text = std::to_string(rounded);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) {
    text.pop_back();
  }
  return text;
}

// "3 of 4 free", "4", "-".
std::string share(const std::optional<double>& free, const std::optional<double>& total,
                  double unit = 1) {
  if (!total) {
    return "-";
  }
  return (free ? number(*free / unit) + " of " : "") + number(*total / unit) +
         (free ? " free" : "");
}

std::string kinds_text(const std::vector<cluster::NodeKind>& kinds) {
  std::string text;
  for (const cluster::NodeKind& kind : kinds) {
    text += (text.empty() ? "" : ", ") + kind.name +
            (kind.room ? " (room for " + std::to_string(*kind.room) + ")" : "");
  }
  return text.empty() ? "-" : text;
}

std::string as_table(const std::vector<Answer>& answers, const ui::Look& look) {
  constexpr double kGigabyte = 1024;
  ui::Rows rows = {{"CLUSTER", "VC", "GPUS", "CPUS", "MEMORY (GB)", "KINDS OF NODES"}};
  for (const Answer& answer : answers) {
    for (const Pool& pool : answer.pools) {
      rows.push_back(
          {answer.cluster, pool.name.empty() ? "-" : pool.name,
           share(pool.free.gpus, pool.total.gpus), share(pool.free.cpus, pool.total.cpus),
           share(pool.free.memory_mb, pool.total.memory_mb, kGigabyte), kinds_text(pool.kinds)});
    }
  }
  return rows.size() == 1 ? "" : ui::render_table(rows, look);
}

json::value amount_json(const std::optional<double>& amount) {
  return amount ? json::value(*amount) : json::value(nullptr);
}

json::object resources_json(const cluster::Resources& resources) {
  return {{"gpus", amount_json(resources.gpus)},
          {"cpus", amount_json(resources.cpus)},
          {"memory_mb", amount_json(resources.memory_mb)}};
}

std::optional<double> less(const std::optional<double>& total, const std::optional<double>& free) {
  return total && free ? std::optional(*total - *free) : std::nullopt;
}

json::array as_json(const std::vector<Answer>& answers) {
  json::array array;
  for (const Answer& answer : answers) {
    for (const Pool& pool : answer.pools) {
      json::array kinds;
      for (const cluster::NodeKind& kind : pool.kinds) {
        kinds.push_back(
            json::object{{"name", kind.name},
                         {"each", resources_json(kind.each)},
                         {"room", kind.room ? json::value(*kind.room) : json::value(nullptr)}});
      }
      const cluster::Resources used{.gpus = less(pool.total.gpus, pool.free.gpus),
                                    .cpus = less(pool.total.cpus, pool.free.cpus),
                                    .memory_mb = less(pool.total.memory_mb, pool.free.memory_mb)};
      array.push_back(json::object{{"cluster", answer.cluster},
                                   {"virtual_cluster", pool.name},
                                   {"total", resources_json(pool.total)},
                                   {"used", resources_json(used)},
                                   {"free", resources_json(pool.free)},
                                   {"kinds", std::move(kinds)}});
    }
  }
  return array;
}

std::string errors_of(const std::vector<Answer>& answers) {
  std::string text;
  for (const Answer& answer : answers) {
    if (answer.error) {
      text += "rdev: " + answer.cluster + ": " + ui::printable(answer.error->message) + "\n";
    }
  }
  return text;
}

awaitable<Result<Picture>> draw(Context& context, const Options& options, const ui::Look& look) {
  const auto answers = co_await ask_all(context, options);
  if (!answers) {
    co_return tl::make_unexpected(answers.error());
  }
  co_return Picture{.text = as_table(*answers, look) + errors_of(*answers)};
}

awaitable<Result<int>> resources(Context& context, const Options& options) {
  if (options.watch) {
    const auto watched = co_await watch(
        kWatchPause, [&](const ui::Look& look) { return draw(context, options, look); });
    co_return watched ? Result<int>(0) : tl::make_unexpected(watched.error());
  }
  const auto answers = co_await ask_all(context, options);
  if (!answers) {
    co_return tl::make_unexpected(answers.error());
  }
  const auto printed = print(options.json ? json::serialize(as_json(*answers)) + "\n"
                                          : as_table(*answers, ui::look_of(STDOUT_FILENO)));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  const std::string errors = errors_of(*answers);
  std::fputs(errors.c_str(), stderr);
  co_return errors.empty() ? 0 : 1;
}

}  // namespace

void add_cluster_resources(CLI::App& cluster, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(cluster, "resources",
                            "Show what is free: GPUs, CPUs and memory of each virtual cluster",
                            "rdev cluster resources");
  verb->add_option("NAME", o->names, "These clusters; by default all that have been added");
  CLI::Option* watching = verb->add_flag("--watch", o->watch, "Show it again as it changes");
  verb->add_flag("--json", o->json, "The result as JSON")->excludes(watching);
  verb->callback(
      [o, chosen] { *chosen = [o](Context& context) { return resources(context, *o); }; });
}

}  // namespace rdev::commands
