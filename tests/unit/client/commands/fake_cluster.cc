#include "tests/unit/client/commands/fake_cluster.h"

#include <sys/socket.h>

#include <algorithm>

namespace rdev::test {

using cluster::Endpoint;
using cluster::JobRef;
using cluster::JobSpec;
using cluster::JobState;
using cluster::JobStatus;
using cluster::ListedJob;

namespace {

ssh::Seed seed_of(const std::string& bytes) {
  ssh::Seed seed{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), seed.size()), seed.begin());
  return seed;
}

const Error kUnreachable{Code::kUnavailable, "the fake engine is away"};

}  // namespace

FakeCluster::~FakeCluster() = default;

bool FakeCluster::Job::may_login(const std::string& user, const ssh::PublicKey& key) {
  return user == "rdev" &&
         std::any_of(spec.authorized_keys.begin(), spec.authorized_keys.end(),
                     [&](const std::string& line) {
                       return ssh::PublicKey::parse(line).value_or(ssh::PublicKey()) == key;
                     });
}

Result<void> FakeCluster::check(const JobSpec&) const { return {}; }

awaitable<Result<JobRef>> FakeCluster::submit(const JobSpec& spec, Progress progress) {
  progress("submitting", "");
  if (at_submit) {
    at_submit();
  }
  if (unreachable) {
    co_return tl::make_unexpected(kUnreachable);
  }
  if (submit_does == Submit::kFails) {
    co_return fail(Code::kFailed, "the fake engine refuses");
  }
  auto job = std::make_unique<Job>();
  job->spec = spec;
  job->status.state = JobState::kRunning;
  if (submit_does == Submit::kEndsAtOnce) {
    job->status = {.state = JobState::kEnded, .exit_code = 3, .reason = "it ended with code 3"};
  } else if (submit_does != Submit::kNeverAnswers) {
    const auto seed =
        submit_does == Submit::kHasAnotherHostKey ? ssh::random_seed() : seed_of(spec.host_seed);
    auto host_key = ssh::PrivateKey::from_seed(seed);
    job->server =
        std::make_unique<sshd::Server>(executor_, std::move(*host_key), *job, sshd::Services{});
  }
  jobs[spec.id] = std::move(job);
  co_return JobRef{.name = spec.name, .id = spec.id, .native = "native-" + spec.id};
}

awaitable<Result<JobStatus>> FakeCluster::status(const JobRef& ref) {
  if (unreachable) {
    co_return tl::make_unexpected(kUnreachable);
  }
  const auto job = jobs.find(ref.id);
  co_return job == jobs.end() ? JobStatus{} : job->second->status;
}

awaitable<Result<std::vector<Endpoint>>> FakeCluster::endpoints(const JobRef& ref) {
  const auto job = jobs.find(ref.id);
  if (job == jobs.end() || !job->second->server) {
    co_return std::vector<Endpoint>{};
  }
  co_return std::vector<Endpoint>{"fake:first", "fake:" + ref.id};
}

awaitable<Result<base::Fd>> FakeCluster::dial(const JobRef& ref, const Endpoint& endpoint) {
  int ends[2];
  const bool is_deaf = endpoint == "fake:first" && deaf_for-- > 0;
  if (is_deaf || ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
    co_return fail(Code::kUnavailable, "nobody answers");
  }
  base::Fd far(ends[1]);
  jobs.at(ref.id)->server->serve(std::move(far));
  co_return base::Fd(ends[0]);
}

awaitable<Result<bool>> FakeCluster::shares_host_network(const JobRef&) { co_return host_network; }

awaitable<Result<void>> FakeCluster::logs(const JobRef&, Follow, LogSink sink) {
  sink("first\nthe last line of the log\n");
  co_return Result<void>{};
}

awaitable<Result<void>> FakeCluster::stop(const JobRef& ref) {
  if (unreachable) {
    co_return tl::make_unexpected(kUnreachable);
  }
  stopped.push_back(ref.id);
  if (const auto job = jobs.find(ref.id); job != jobs.end()) {
    if (job->second->server) {
      co_await job->second->server->stop();
    }
    jobs.erase(job);
  }
  co_return Result<void>{};
}

awaitable<Result<std::vector<ListedJob>>> FakeCluster::list(const std::string& owner) {
  if (unreachable) {
    co_return tl::make_unexpected(kUnreachable);
  }
  std::vector<ListedJob> listed;
  for (const auto& [id, job] : jobs) {
    if (job->spec.owner == owner) {
      ListedJob entry;
      entry.ref = {.name = job->spec.name, .id = id, .native = "native-" + id};
      entry.status = job->status;
      entry.image = job->spec.image;
      entry.host_public_key = job->spec.host_public_key;
      listed.push_back(std::move(entry));
    }
  }
  co_return listed;
}

}  // namespace rdev::test
