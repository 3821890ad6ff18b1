#include "client/cluster/of_record.h"

#include <utility>

#include "client/state/instance_name.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster {
namespace {

constexpr std::chrono::seconds kDialLimit{30};
// A connection to the cluster may be as dead as the one to the agent.
constexpr std::chrono::seconds kAskLimit{5};

awaitable<Result<Dialled>> dial_each(Cluster& cluster, const JobRef& ref,
                                     const std::vector<Endpoint>& endpoints) {
  Error last{Code::kUnavailable, "the job " + ref.name + " has no endpoint"};
  for (const Endpoint& endpoint : endpoints) {
    auto socket =
        co_await base::with_timeout(cluster.dial(ref, endpoint), kDialLimit, "dialling the agent");
    if (socket) {
      co_return Dialled{.socket = std::move(*socket), .endpoint = endpoint};
    }
    last = std::move(socket.error());
    last.message.insert(0, "dialling " + endpoint + ": ");
  }
  co_return tl::make_unexpected(std::move(last));
}

}  // namespace

JobRef ref_of(const state::JobRecord& record) {
  const auto name = state::parse_instance_name(record.name);
  return {.name = name ? name->job : record.name,
          .id = record.id,
          .native = record.native,
          .instance = name ? name->rank : 0};
}

Result<Cluster*> cluster_of(Clusters& clusters, const state::JobRecord& record) {
  return clusters.get(record.cluster, record.pin);
}

std::string end_sentence(const std::string& name, const JobStatus& status) {
  if (status.state == JobState::kGone) {
    return "the job " + name + " is gone from its cluster";
  }
  return "the job " + name + " has ended" + (status.reason.empty() ? "" : ": " + status.reason);
}

bool is_over(const JobStatus& status) {
  return status.state == JobState::kEnded || status.state == JobState::kGone;
}

awaitable<Result<void>> check_alive(Cluster& cluster, const state::JobRecord& record) {
  const JobRef ref = ref_of(record);
  const auto status =
      co_await base::with_timeout(cluster.status(ref), kAskLimit, "asking " + record.cluster);
  if (!status) {
    co_return tl::make_unexpected(status.error());
  }
  if (is_over(*status)) {
    co_return fail(Code::kClosed,
                   end_sentence(ref.name, *status) + " (rdev down " + ref.name + " removes it)");
  }
  co_return Result<void>{};
}

awaitable<Result<std::vector<Endpoint>>> ask_endpoints(Cluster& cluster,
                                                       const state::JobRecord& record) {
  co_return co_await base::with_timeout(cluster.endpoints(ref_of(record)), kAskLimit,
                                        "asking " + record.cluster);
}

awaitable<Result<Dialled>> dial_any(Cluster& cluster, const state::JobRecord& record) {
  const JobRef ref = ref_of(record);
  auto dialled = co_await dial_each(cluster, ref, record.endpoints);
  if (dialled) {
    co_return dialled;
  }
  if (auto alive = co_await check_alive(cluster, record); !alive) {
    co_return tl::make_unexpected(alive.error());
  }
  const auto fresh = co_await ask_endpoints(cluster, record);
  if (fresh && *fresh != record.endpoints) {
    dialled = co_await dial_each(cluster, ref, *fresh);
  }
  co_return dialled;
}

}  // namespace rdev::cluster
