#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <memory>

#include "client/cluster/openpai/job_query.h"
#include "client/commands/job.h"
#include "client/commands/job_text.h"
#include "client/commands/queued_job.h"
#include "client/commands/watch.h"
#include "protocol/base/all_of.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
namespace openpai = cluster::openpai;

using openpai::JobQuery;

constexpr std::size_t kPage = 1000;
constexpr std::chrono::seconds kWatchPause{2};  // 120 lists a minute are the server's limit

struct Options {
  std::vector<std::string> clusters;
  bool all_clusters = false;
  JobQuery query;
  bool everyone = false;
  std::string sort;
  std::size_t limit = 50;  // 0: none
  bool watch = false;
  bool json = false;
};

// The first or the next page of one cluster.
struct Listing {
  Queue queue;
  JobQuery query;
  std::vector<openpai::JobSummary> jobs;
  std::size_t total = 0;
  std::optional<Error> error;
};

void upper_case(std::vector<std::string>& words) {
  for (std::string& word : words) {
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  }
}

// "active" and "ended" are several states.
Result<void> check_states(std::vector<std::string>& states) {
  static const std::vector<std::string> kStates = {"WAITING", "RUNNING",   "STOPPING",
                                                   "STOPPED", "SUCCEEDED", "FAILED"};
  upper_case(states);
  std::vector<std::string> meant;
  for (const std::string& state : states) {
    if (state == "ACTIVE") {
      meant.insert(meant.end(), {"WAITING", "RUNNING", "STOPPING"});
    } else if (state == "ENDED") {
      meant.insert(meant.end(), {"STOPPED", "SUCCEEDED", "FAILED"});
    } else if (std::find(kStates.begin(), kStates.end(), state) != kStates.end()) {
      meant.push_back(state);
    } else {
      return fail(Code::kUsage, "there is no state '" + state +
                                    "' (but: waiting, running, stopping, stopped, succeeded, "
                                    "failed; active, ended)");
    }
  }
  states = std::move(meant);
  return {};
}

awaitable<Result<void>> read_page(Listing& listing) {
  auto page = co_await listing.queue.api->jobs(listing.query);
  if (!page) {
    listing.error = page.error();
    co_return Result<void>();
  }
  listing.jobs = std::move(page->jobs);
  const auto total = static_cast<std::size_t>(std::max<std::int64_t>(page->total.value_or(0), 0));
  listing.total = total;
  co_return Result<void>();
}

awaitable<Result<void>> read_first_page(Listing& listing, bool everyone) {
  if (!everyone && listing.query.users.empty()) {
    const auto own = co_await own_name(listing.queue);
    if (!own) {
      listing.error = own.error();
      co_return Result<void>();
    }
    listing.query.users = {*own};
  }
  co_return co_await read_page(listing);
}

// The first page of each cluster, all at once. What a cluster says against it is in its listing.
awaitable<Result<std::vector<Listing>>> first_pages(Context& context, const Options& options) {
  auto queues = options.all_clusters ? all_queues(context) : find_queues(context, options.clusters);
  if (!queues) {
    co_return tl::make_unexpected(queues.error());
  }
  std::vector<Listing> listings;
  listings.reserve(queues->size());
  for (Queue& queue : *queues) {
    listings.push_back({.queue = std::move(queue), .query = options.query});
    listings.back().query.limit = options.limit == 0 ? kPage : options.limit;
  }
  std::vector<awaitable<Result<void>>> works;
  works.reserve(listings.size());
  for (Listing& listing : listings) {
    works.push_back(read_first_page(listing, options.everyone));
  }
  const auto read = co_await base::all_of(std::move(works));
  co_return read ? Result<std::vector<Listing>>(std::move(listings))
                 : tl::make_unexpected(read.error());
}

// Whether there was one.
awaitable<bool> next_page(Listing& listing, const Options& options) {
  const std::size_t seen = listing.query.offset + listing.jobs.size();
  if (options.limit != 0 || listing.error || listing.jobs.empty() || seen >= listing.total) {
    co_return false;
  }
  listing.query.offset = seen;
  (void)co_await read_page(listing);
  co_return !listing.error;
}

int said_errors(const std::vector<Listing>& listings) {
  int code = 0;
  for (const Listing& listing : listings) {
    if (listing.error) {
      note((listings.size() > 1 ? listing.queue.entry.name + ": " : "") + listing.error->message);
      code = 1;
    }
  }
  return code;
}

void say_what_is_left(const std::vector<Listing>& listings) {
  for (const Listing& listing : listings) {
    const std::size_t seen = listing.query.offset + listing.jobs.size();
    if (!listing.error && seen < listing.total) {
      note(std::to_string(listing.jobs.size()) + " of " + std::to_string(listing.total) +
           " jobs of " + listing.queue.entry.name + " (--offset " + std::to_string(seen) +
           " goes on, --limit 0 shows all)");
    }
  }
}

JobTable table_of(const std::vector<Listing>& listings, const Options& options,
                  const ui::Look& look) {
  return {{.has_clusters = listings.size() > 1,
           .has_users = options.everyone || options.query.users.size() > 1},
          look};
}

awaitable<Result<int>> list_table(std::vector<Listing>& listings, const Options& options) {
  JobTable table = table_of(listings, options, ui::look_of(STDOUT_FILENO));
  const bool is_empty = std::all_of(listings.begin(), listings.end(), [](const Listing& one) {
    return one.jobs.empty() && !one.error;
  });
  if (is_empty) {
    note("there are no such jobs");
    co_return 0;
  }
  for (Listing& listing : listings) {
    bool more = !listing.error;
    while (more) {
      const auto printed = print(table.add(listing.queue.entry.name, listing.jobs));
      if (!printed) {
        co_return tl::make_unexpected(printed.error());
      }
      more = co_await next_page(listing, options);
    }
  }
  say_what_is_left(listings);
  co_return said_errors(listings);
}

awaitable<Result<int>> list_json(std::vector<Listing>& listings, const Options& options) {
  json::array jobs;
  for (Listing& listing : listings) {
    bool more = !listing.error;
    while (more) {
      for (const openpai::JobSummary& job : listing.jobs) {
        jobs.push_back(job_json(listing.queue, job));
      }
      more = co_await next_page(listing, options);
    }
  }
  const auto printed = print(json::serialize(jobs) + "\n");
  co_return printed ? Result<int>(said_errors(listings)) : tl::make_unexpected(printed.error());
}

awaitable<Result<Picture>> draw(Context& context, const Options& options, const ui::Look& look) {
  const auto listings = co_await first_pages(context, options);
  if (!listings) {
    co_return tl::make_unexpected(listings.error());
  }
  JobTable table = table_of(*listings, options, look);
  Picture picture;
  for (const Listing& listing : *listings) {
    picture.text += listing.error ? listing.queue.entry.name + ": " + listing.error->message + "\n"
                                  : table.add(listing.queue.entry.name, listing.jobs);
  }
  co_return picture;
}

awaitable<Result<int>> list(Context& context, Options& options) {
  if (auto good = check_states(options.query.states); !good) {
    co_return tl::make_unexpected(good.error());
  }
  if (!options.sort.empty()) {
    auto order = openpai::parse_order(options.sort);
    if (!order) {
      co_return tl::make_unexpected(order.error());
    }
    options.query.order = *std::move(order);
  }
  if (options.watch) {
    const auto watched = co_await watch(
        kWatchPause, [&](const ui::Look& look) { return draw(context, options, look); });
    co_return watched ? Result<int>(0) : tl::make_unexpected(watched.error());
  }
  auto listings = co_await first_pages(context, options);
  if (!listings) {
    co_return tl::make_unexpected(listings.error());
  }
  co_return options.json ? co_await list_json(*listings, options)
                         : co_await list_table(*listings, options);
}

}  // namespace

void add_job_list(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(job, "list", "List the jobs of a cluster, the newest first",
                            "rdev job list --state active --everyone --sort gpus");
  verb->add_option("TEXT", o->query.keyword,
                   "Only jobs with this in name, user or virtual cluster");
  verb->add_option("--cluster", o->clusters, "Of these clusters, several times for several")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_flag("--all-clusters", o->all_clusters, "Of all that have been added");
  verb->add_option("--user", o->query.users, "Of these users; by default your own")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_flag("--everyone", o->everyone, "Of all users");
  verb->add_option("--state", o->query.states,
                   "waiting, running, stopping, stopped, succeeded, failed; active, ended")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--vc", o->query.virtual_clusters, "Of these virtual clusters")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--priority", o->query.priorities, "prod, test, oppo")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--tag", o->query.tags, "With one of these tags")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--no-tag", o->query.not_tags, "With none of these tags")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb->add_option("--sort", o->sort,
                   "submitted, name, user, vc, state, retries, tasks, gpus, completed, priority; "
                   ":asc or :desc behind it");
  verb->add_option("--limit", o->limit, "How many of each cluster (default: 50); 0: all")
      ->check(CLI::Range(std::size_t{0}, openpai::kMaxJobsAtOnce));
  verb->add_option("--offset", o->query.offset, "How many to leave out first");
  CLI::Option* watching = verb->add_flag("--watch", o->watch, "Show it again as it changes");
  verb->add_flag("--json", o->json, "The result as JSON")->excludes(watching);
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return list(context, *o); }; });
}

}  // namespace rdev::commands
