#include "client/commands/reach.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "client/commands/jobs.h"
#include "client/ui/tail.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kHandshakeLimit{10};
constexpr milliseconds kFirstPause{4};
constexpr milliseconds kLongestPause{250};
constexpr std::size_t kLogLines = 20;

awaitable<Result<void>> shake_hands(const Reach& reach, cluster::Endpoint endpoint) {
  auto socket = co_await reach.cluster.dial(reach.ref, endpoint);
  if (!socket) {
    co_return tl::make_unexpected(socket.error());
  }
  auto client = co_await ssh::Client::connect(std::move(*socket), reach.ssh, reach.user_key);
  if (!client) {
    co_return tl::make_unexpected(client.error());
  }
  co_await (*client)->disconnect();
  co_return Result<void>{};
}

awaitable<Result<void>> try_one(const Reach& reach, const cluster::Endpoint& endpoint) {
  co_return co_await base::with_timeout(shake_hands(reach, endpoint), kHandshakeLimit,
                                        "the SSH handshake");
}

// Tries each endpoint. The best come first: one that had failed may have been asked just before the
// agent listened, so it is asked once more when a later one answers. `why` is what the last one
// that was there had said.
awaitable<Result<std::vector<cluster::Endpoint>>> try_endpoints(const Reach& reach,
                                                                std::string& why) {
  auto endpoints = co_await reach.cluster.endpoints(reach.ref);
  if (!endpoints) {
    co_return endpoints;
  }
  Error last{Code::kUnavailable, "the job has no endpoint yet"};
  auto failed = endpoints->end();  // the first that did, at once
  for (auto endpoint = endpoints->begin(); endpoint != endpoints->end(); ++endpoint) {
    const auto reached = co_await try_one(reach, *endpoint);
    if (reached) {
      const bool is_better = failed != endpoints->end() && co_await try_one(reach, *failed);
      const auto first = is_better ? failed : endpoint;
      std::rotate(endpoints->begin(), first, first + 1);
      co_return endpoints;
    }
    last = reached.error();
    why = last.message;
    if (failed == endpoints->end() && last.code != Code::kTimeout) {
      failed = endpoint;
    }
    if (last.code == Code::kPermission) {
      break;
    }
  }
  co_return tl::make_unexpected(last);
}

awaitable<std::string> last_log_lines(const Reach& reach, std::optional<int> instance = {}) {
  cluster::JobRef ref = reach.ref;
  ref.instance = instance.value_or(ref.instance);
  ui::Tail tail(kLogLines);
  const cluster::Cluster::LogSink sink = [&tail](std::string_view bytes) { tail.add(bytes); };
  const auto read = co_await reach.cluster.logs(ref, cluster::Cluster::Follow::kNo, sink);
  if (!read) {
    co_return "(its log cannot be read: " + read.error().message + ")";
  }
  co_return tail.text().empty() ? "(its log is empty)" : "its log ends with:\n" + tail.text();
}

std::string joined(std::string text, const std::string& complaint, const std::string& log) {
  return text.append(complaint).append("; ").append(log);
}

}  // namespace

awaitable<Result<std::vector<cluster::Endpoint>>> wait_for_agent(const Reach& reach) {
  const auto deadline = Clock::now() + reach.limit;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  std::string why;  // also of an endpoint that is gone again
  for (milliseconds pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    auto reached = co_await try_endpoints(reach, why);
    if (reached || reached.error().code == Code::kPermission) {
      co_return reached;
    }
    const std::string complaint = why.empty() ? reached.error().message : why;
    const auto status = co_await reach.cluster.status(reach.ref);
    const bool ended = status && (status->state == cluster::JobState::kEnded ||
                                  status->state == cluster::JobState::kGone);
    if (ended) {
      const std::string log = co_await last_log_lines(reach, status->culprit);
      co_return fail(Code::kClosed, end_sentence(reach.ref.name, *status) +
                                        joined("; its agent had not answered: ", complaint, log));
    }
    if (Clock::now() + pause > deadline) {
      const std::string log = co_await last_log_lines(reach);
      const std::string limit = std::to_string(reach.limit.count());
      co_return fail(Code::kTimeout,
                     "the agent did not answer within " + limit + joined(" s: ", complaint, log));
    }
    timer.expires_after(pause);
    (void)co_await timer.async_wait(use_tuple);
  }
}

}  // namespace rdev::commands
