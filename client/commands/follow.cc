#include "client/commands/follow.h"

#include <boost/asio/steady_timer.hpp>

#include "client/commands/jobs.h"
#include "client/commands/log_output.h"

namespace rdev::commands {
namespace {

constexpr std::chrono::seconds kPause{1};
constexpr int kMostPauses = 60;

// A log may be over a moment before its cluster says that the job is.
awaitable<Result<cluster::JobStatus>> ended_status(cluster::Cluster& cluster,
                                                   const cluster::JobRef& ref) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (int pauses = 0;; ++pauses) {
    auto status = co_await cluster.status(ref);
    const bool may_pass =
        status ? !cluster::is_over(*status)
               : status.error().code == Code::kUnavailable || status.error().code == Code::kTimeout;
    if (!may_pass) {
      co_return status;
    }
    if (pauses == kMostPauses) {
      co_return status ? fail(Code::kFailed, "the log of " + ref.name +
                                                 " is over, yet it runs: rdev logs -f goes on")
                       : status;
    }
    timer.expires_after(kPause);
    auto [error] = co_await timer.async_wait(use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
  }
}

}  // namespace

awaitable<Result<int>> follow_to_end(Context& context, const state::JobRecord& record) {
  const auto cluster = cluster_of(context, record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  const cluster::JobRef ref = ref_of(record);
  LogOutput output;
  auto read = co_await (*cluster)->logs(ref, cluster::Cluster::Follow::kYes, output.sink());
  if (read) {
    read = output.written();
  }
  if (!read) {
    co_return tl::make_unexpected(read.error());
  }
  const auto status = co_await ended_status(**cluster, ref);
  if (!status) {
    co_return tl::make_unexpected(status.error());
  }
  if (!status->exit_code) {
    co_return fail(Code::kFailed, end_sentence(record.name, *status));
  }
  if (!status->reason.empty()) {
    note(end_sentence(record.name, *status));
  }
  co_return *status->exit_code;
}

}  // namespace rdev::commands
