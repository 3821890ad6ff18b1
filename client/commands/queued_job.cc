#include "client/commands/queued_job.h"

#include <boost/url/encode.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "client/cluster/openpai/account.h"
#include "client/commands/defaults.h"
#include "client/commands/jobs.h"

namespace rdev::commands {
namespace {

namespace openpai = cluster::openpai;

using templates::ClusterEntry;

Result<Queue> queue_of(const Context& context, ClusterEntry entry) {
  auto account = openpai::account_of(context.paths, entry);
  if (!account) {
    return tl::make_unexpected(account.error());
  }
  return Queue{.entry = std::move(entry),
               .api = std::make_unique<openpai::Api>(*std::move(account))};
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

Result<std::string> default_queue(const Context& context) {
  const auto chosen = default_cluster(context.paths);
  if (!chosen) {
    return tl::make_unexpected(chosen.error());
  }
  const std::vector<std::string> added = templates::cluster_names(context.paths);
  for (const std::string& name : added) {
    if (name == *chosen || added.size() == 1) {
      return name;
    }
  }
  if (added.empty()) {
    return fail(Code::kUsage,
                "rdev job is about the jobs of a cluster with a queue (OpenPAI), and none has been "
                "added (rdev cluster add adds one; rdev ls shows the jobs of rdev up)");
  }
  return fail(Code::kUsage, "which cluster? Say --cluster NAME (there are: " + list_of(added) +
                                "), or choose one for good with rdev cluster select");
}

std::string encoded(const std::string& text) {
  return boost::urls::encode(text, boost::urls::unreserved_chars);
}

std::string decoded(const std::string& text) {
  const auto view = boost::urls::make_pct_string_view(text);
  return view ? view->decode() : text;
}

// A job of rdev up; its native name is "USER~NAME", encoded.
std::optional<QueuedJob> of_record(const Context& context, const std::string& cluster,
                                   const std::string& name) {
  if (!state::valid_job_name(name)) {
    return std::nullopt;
  }
  const auto record = state::load(context.paths, name);
  if (!record || record->native.empty() || (!cluster.empty() && record->cluster != cluster) ||
      cluster::Clusters::kind(context.paths, record->cluster).value_or("") != "openpai") {
    return std::nullopt;
  }
  const std::size_t tilde = record->native.find('~');
  auto queue = find_queue(context, record->cluster);
  if (!queue || tilde == std::string::npos) {
    return std::nullopt;
  }
  return QueuedJob{.queue = *std::move(queue),
                   .user = decoded(record->native.substr(0, tilde)),
                   .name = decoded(record->native.substr(tilde + 1)),
                   .key = record->native};
}

}  // namespace

Result<Queue> find_queue(const Context& context, const std::string& name) {
  const auto chosen = name.empty() ? default_queue(context) : Result<std::string>(name);
  const auto kind = chosen ? cluster::Clusters::kind(context.paths, *chosen)
                           : tl::make_unexpected(chosen.error());
  if (!kind) {
    return tl::make_unexpected(kind.error());
  }
  if (*kind != "openpai") {
    return fail(Code::kUsage, *chosen +
                                  " has no queue of jobs: rdev ls, status, logs and down are for "
                                  "the jobs that rdev up starts there");
  }
  auto entry = templates::load_cluster(context.paths, *chosen);
  if (!entry) {
    return tl::make_unexpected(entry.error());
  }
  return queue_of(context, *std::move(entry));
}

Result<std::vector<Queue>> find_queues(const Context& context,
                                       const std::vector<std::string>& names) {
  std::vector<Queue> queues;
  for (const std::string& name : names.empty() ? std::vector<std::string>{""} : names) {
    auto queue = find_queue(context, name);
    if (!queue) {
      return tl::make_unexpected(queue.error());
    }
    queues.push_back(*std::move(queue));
  }
  return queues;
}

Result<std::vector<Queue>> all_queues(const Context& context) {
  const std::vector<std::string> names = templates::cluster_names(context.paths);
  return names.empty() ? find_queues(context, {}) : find_queues(context, names);
}

awaitable<Result<std::string>> own_name(Queue& queue) {
  if (!queue.entry.user.empty()) {
    co_return queue.entry.user;
  }
  const auto claims = co_await queue.api->claims();
  if (!claims) {
    co_return tl::make_unexpected(claims.error());
  }
  queue.entry.user = claims->username;
  co_return queue.entry.user;
}

awaitable<Result<QueuedJob>> find_queued_job(Context& context, std::string cluster,
                                             std::string job) {
  if (auto own = of_record(context, cluster, job)) {
    co_return std::move(*own);
  }
  auto queue = find_queue(context, cluster);
  if (!queue) {
    co_return tl::make_unexpected(queue.error());
  }
  const std::size_t tilde = job.find('~');
  const std::string name = tilde == std::string::npos ? job : job.substr(tilde + 1);
  auto user = tilde == std::string::npos ? co_await own_name(*queue)
                                         : Result<std::string>(job.substr(0, tilde));
  if (!user) {
    co_return tl::make_unexpected(user.error());
  }
  if (name.empty() || user->empty()) {
    co_return fail(Code::kUsage, "'" + job + "' is no job: NAME, or USER~NAME for another user's");
  }
  std::string key = openpai::job_key(*user, name);
  co_return QueuedJob{
      .queue = *std::move(queue), .user = *std::move(user), .name = name, .key = std::move(key)};
}

std::string job_page(const Queue& queue, const std::string& user, const std::string& job) {
  constexpr std::string_view kRestServer = "/rest-server";
  std::string url = queue.entry.url;
  if (url.ends_with(kRestServer)) {
    url.resize(url.size() - kRestServer.size());
  }
  return url + "/job-detail.html?username=" + encoded(user) + "&jobName=" + encoded(job);
}

}  // namespace rdev::commands
