#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "protocol/sshd/server.h"

namespace rdev::test {

// A cluster in memory whose agents are real SSH servers of this process: a host key from the seed
// that was submitted, and the submitted keys may log in.
class FakeCluster final : public cluster::Cluster {
 public:
  explicit FakeCluster(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  ~FakeCluster() override;

  struct Job final : sshd::Authorizer {
    bool may_login(const std::string& user, const ssh::PublicKey& key) override;
    cluster::JobSpec spec;
    cluster::JobStatus status;
    std::unique_ptr<sshd::Server> server;
  };

  // What the next submit does; calls `at_submit` first.
  enum class Submit { kWorks, kFails, kEndsAtOnce, kNeverAnswers, kHasAnotherHostKey };
  Submit submit_does = Submit::kWorks;
  std::function<void()> at_submit;
  bool unreachable = false;
  int deaf_for = std::numeric_limits<int>::max();  // so many dials of the first endpoint fail
  bool host_network = false;

  std::map<std::string, std::unique_ptr<Job>> jobs;  // by id
  std::vector<std::string> stopped;                  // ids

  Result<void> check(const cluster::JobSpec& spec) const override;
  awaitable<Result<cluster::JobRef>> submit(const cluster::JobSpec& spec,
                                            Progress progress) override;
  awaitable<Result<cluster::JobStatus>> status(const cluster::JobRef& ref) override;
  awaitable<Result<std::vector<cluster::Endpoint>>> endpoints(const cluster::JobRef& ref) override;
  awaitable<Result<base::Fd>> dial(const cluster::JobRef& ref,
                                   const cluster::Endpoint& endpoint) override;
  awaitable<Result<bool>> shares_host_network(const cluster::JobRef& ref) override;
  awaitable<Result<void>> logs(const cluster::JobRef& ref, Follow follow, LogSink sink) override;
  awaitable<Result<void>> stop(const cluster::JobRef& ref) override;
  awaitable<Result<std::vector<cluster::ListedJob>>> list(const std::string& owner) override;

 private:
  asio::any_io_executor executor_;
};

}  // namespace rdev::test
