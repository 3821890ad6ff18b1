#include "client/cluster/openpai/openpai.h"

#include <boost/asio/steady_timer.hpp>

#include "client/cluster/openpai/account.h"
#include "client/cluster/openpai/agent_config.h"
#include "client/cluster/openpai/agent_store.h"
#include "client/cluster/openpai/logs.h"
#include "client/cluster/openpai/nodes.h"
#include "client/cluster/openpai/pools.h"
#include "client/cluster/openpai/push.h"
#include "client/cluster/openpai/render.h"
#include "client/cluster/openpai/submission.h"
#include "client/cluster/openpai/wait.h"
#include "protocol/base/file.h"

namespace rdev::cluster {
namespace {

using openpai::Api, openpai::JobDetail, openpai::Task;

constexpr std::size_t kMaxStub = 64U << 10U;
constexpr char kPrefix[] = "rdev-";
// The stub hangs up when it has the agent, and the agent answers a moment later.
constexpr int kDials = 20;
constexpr std::chrono::milliseconds kRedialPause{50};

Result<openpai::RenderInput> render_input(const JobSpec& spec) {
  openpai::RenderInput input{.agent_config = openpai::agent_config(spec),
                             .stub = {},
                             .agent_sha256 = {},
                             .agent_size = 0,
                             .host_public_keys = spec.instance_keys,
                             .version = RDEV_VERSION};
  if (spec.injection.rung != Injection::Rung::kStub) {
    return input;
  }
  const auto file = state::find_shared_file("rdev-stub");
  auto stub = file ? base::read_file(*file, kMaxStub) : tl::make_unexpected(file.error());
  if (!stub) {
    return tl::make_unexpected(stub.error());
  }
  input.stub = std::move(*stub);
  return input;
}

JobState as_state(openpai::State state) {
  if (openpai::is_final(state)) {
    return JobState::kEnded;
  }
  return state == openpai::State::kWaiting ? JobState::kStarting : JobState::kRunning;
}

JobStatus as_status(const JobDetail& job) {
  JobStatus status{.state = as_state(job.state),
                   .exit_code = job.exit.code,
                   .reason = end_reason(job),
                   .culprit = first_failed(job)};
  for (int rank = 0;; ++rank) {
    const Task* task = agent_task(job, rank);
    if (task == nullptr) {
      return status;
    }
    status.instances.push_back(
        {.state = as_state(task->state), .exit_code = task->exit_code, .node = task->node});
  }
}

class OpenpaiCluster final : public Cluster {
 public:
  OpenpaiCluster(state::Paths paths, templates::ClusterEntry entry, openpai::Account account)
      : paths_(std::move(paths)),
        entry_(std::move(entry)),
        api_(std::move(account)),
        nodes_({.jump = entry_.jump, .dial = entry_.dial}) {}

  Result<void> check(const JobSpec& spec) const override { return openpai::check_spec(spec); }
  Result<std::string> preview(const JobSpec& spec) const override;
  bool derives_host_keys() const override { return true; }
  bool is_far() const override { return true; }
  std::chrono::seconds reach_limit(const JobSpec& spec) const override {
    return spec.attach_timeout;  // `setup` may install half the world before the agent starts
  }

  awaitable<Result<JobRef>> submit(const JobSpec& spec, Progress progress) override;
  awaitable<Result<JobStatus>> status(const JobRef& ref) override;
  awaitable<Result<std::vector<Endpoint>>> endpoints(const JobRef& ref) override;
  awaitable<Result<base::Fd>> dial(const JobRef& ref, const Endpoint& endpoint) override;
  awaitable<Result<void>> logs(const JobRef& ref, Follow follow, LogSink sink) override;
  awaitable<Result<void>> stop(const JobRef& ref) override;
  awaitable<Result<bool>> shares_host_network(const JobRef&) override { co_return true; }
  awaitable<Result<std::vector<Pool>>> pools() override {
    co_return co_await openpai::read_pools(api_);
  }
  // The server may still be reading the job when its submitter is gone.
  bool may_come_late() const override { return true; }
  awaitable<Result<std::vector<ListedJob>>> list(const std::string& owner) override;

 private:
  Result<openpai::Rendered> rendered(const JobSpec& spec) const;
  awaitable<Result<openpai::Rendered>> prepared(const JobSpec& spec);
  awaitable<Result<std::string>> user();
  awaitable<Result<std::string>> key_of(const JobRef& ref);
  awaitable<Result<base::Fd>> dial_once(const std::string& host, std::uint16_t port,
                                        openpai::Peer* peer);

  state::Paths paths_;
  templates::ClusterEntry entry_;
  Api api_;
  openpai::Nodes nodes_;
};

// One alone is no instance of several.
std::vector<std::string> several(const std::vector<std::string>& keys) {
  return keys.size() > 1 ? keys : std::vector<std::string>();
}

// A job of the user's own virtual cluster unless it names another.
JobSpec with_defaults(JobSpec spec, const templates::ClusterEntry& entry) {
  if (spec.virtual_cluster.empty()) {
    spec.virtual_cluster = entry.virtual_cluster;
  }
  return spec;
}

Result<std::string> OpenpaiCluster::preview(const JobSpec& spec) const {
  auto job = rendered(spec);
  if (!job) {
    return tl::make_unexpected(job.error());
  }
  std::string text = std::move(job->preview);
  for (const std::string& note : job->notes) {
    text += "# " + note + "\n";
  }
  return text;
}

Result<openpai::Rendered> OpenpaiCluster::rendered(const JobSpec& spec) const {
  auto input = render_input(spec);
  const auto agent = openpai::store_agent(paths_, spec.agent_binary);
  if (!input || !agent) {
    return tl::make_unexpected(input ? agent.error() : input.error());
  }
  input->agent_sha256 = agent->sha256;
  input->agent_size = agent->size;
  return openpai::render(with_defaults(spec, entry_), *input);
}

awaitable<Result<std::string>> OpenpaiCluster::user() {
  if (!entry_.user.empty()) {
    co_return entry_.user;
  }
  auto claims = co_await api_.claims();
  if (!claims) {
    co_return tl::make_unexpected(claims.error());
  }
  entry_.user = std::move(claims->username);
  co_return entry_.user;
}

// Its name has the beginning of its id in it, so it is found also when submit() did not return.
awaitable<Result<std::string>> OpenpaiCluster::key_of(const JobRef& ref) {
  if (!ref.native.empty()) {
    co_return ref.native;
  }
  const auto name = co_await user();
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  JobSpec spec;
  spec.name = ref.name;
  spec.id = ref.id;
  co_return openpai::job_key(*name, openpai::job_name(spec));
}

awaitable<Result<JobRef>> OpenpaiCluster::submit(const JobSpec& spec, Progress progress) {
  progress("submitting", "");
  const auto name = co_await user();
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  auto job = rendered(spec);
  if (!job) {
    co_return tl::make_unexpected(job.error());
  }
  for (const std::string& note : job->notes) {
    progress("note: " + note, "");
  }
  openpai::Words words{.virtual_cluster = spec.virtual_cluster, .job = job->job_name};
  auto sent = co_await openpai::submit_whole(api_, std::move(job->body), std::move(words));
  if (!sent) {
    co_return tl::make_unexpected(sent.error());
  }
  JobRef ref{.name = spec.name, .id = spec.id, .native = openpai::job_key(*name, job->job_name)};
  if (auto runs = co_await openpai::wait_until_it_runs(api_, ref.native, progress); !runs) {
    co_return tl::make_unexpected(runs.error());
  }
  co_return ref;
}

awaitable<Result<JobStatus>> OpenpaiCluster::status(const JobRef& ref) {
  const auto key = co_await key_of(ref);
  if (!key) {
    co_return tl::make_unexpected(key.error());
  }
  const auto job = co_await api_.job(*key);
  if (!job) {
    co_return job.error().code == Code::kNotFound ? Result<JobStatus>(JobStatus())
                                                  : tl::make_unexpected(job.error());
  }
  co_return as_status(*job);
}

awaitable<Result<std::vector<Endpoint>>> OpenpaiCluster::endpoints(const JobRef& ref) {
  const auto key = co_await key_of(ref);
  const auto job = key ? co_await api_.job(*key) : tl::make_unexpected(key.error());
  if (!job) {
    co_return tl::make_unexpected(job.error());
  }
  std::vector<Endpoint> endpoints;
  const Task* task = agent_task(*job, ref.instance);
  if (task != nullptr && is_final(task->state) && !is_final(*job)) {
    co_return fail(Code::kUnavailable,
                   "instance " + std::to_string(ref.instance) + " of " + ref.name + " has ended" +
                       (task->exit_code ? " with code " + std::to_string(*task->exit_code) : "") +
                       "; the job itself has not ended yet");
  }
  // A port is known before the container is there, and says nothing then.
  if (task != nullptr && task->state == openpai::State::kRunning && task->ip &&
      !task->ports.at(openpai::kAgentPort).empty()) {
    const bool is_v6 = task->ip->find(':') != std::string::npos;
    endpoints.push_back("tcp:" + (is_v6 ? "[" + *task->ip + "]" : *task->ip) + ":" +
                        std::to_string(task->ports.at(openpai::kAgentPort).front()));
  }
  co_return endpoints;
}

awaitable<Result<base::Fd>> OpenpaiCluster::dial_once(const std::string& host, std::uint16_t port,
                                                      openpai::Peer* peer) {
  auto connection = co_await nodes_.dial(host, port);
  if (!connection) {
    co_return tl::make_unexpected(connection.error());
  }
  const openpai::AgentFile agent_file = [this](const std::string& sha256) {
    return openpai::find_agent(paths_, sha256);
  };
  auto met = co_await openpai::meet(connection->socket.get(), agent_file);
  if (!met) {
    const std::string complaint =
        connection->carrier != nullptr ? connection->carrier->complaint() : "";
    if (complaint.empty()) {
      co_return tl::make_unexpected(met.error());
    }
    // What ssh will say again, however often it is asked.
    const bool is_final = complaint.find("Permission denied") != std::string::npos ||
                          complaint.find("Host key verification failed") != std::string::npos;
    co_return fail(is_final ? Code::kPermission : Code::kUnavailable,
                   (entry_.jump.empty() ? "the dial command: " : "the jump host: ") + complaint);
  }
  *peer = *met;
  co_return std::move(connection->socket);
}

awaitable<Result<base::Fd>> OpenpaiCluster::dial(const JobRef& ref, const Endpoint& endpoint) {
  const auto address = endpoint.starts_with("tcp:")
                           ? http::parse_base("http://" + endpoint.substr(4))
                           : Result<http::Base>(http::Base());
  if (!address || address->host.empty()) {
    co_return fail(Code::kUsage, "job " + ref.name + ": " + entry_.name + " has no endpoint \"" +
                                     endpoint + "\"");
  }
  const auto port = static_cast<std::uint16_t>(std::stoul(address->port));
  asio::steady_timer timer(co_await asio::this_coro::executor);
  bool has_pushed = false;
  for (int i = 0;; ++i) {
    openpai::Peer peer{};
    auto socket = co_await dial_once(address->host, port, &peer);
    if (socket && peer == openpai::Peer::kAgent) {
      co_return socket;
    }
    has_pushed = has_pushed || socket;
    if (!has_pushed) {
      co_return tl::make_unexpected(socket.error());
    }
    if (i == kDials) {
      co_return fail(Code::kUnavailable, "the stub got the agent and does not start it");
    }
    timer.expires_after(kRedialPause);
    (void)co_await timer.async_wait(use_tuple);
  }
}

awaitable<Result<void>> OpenpaiCluster::logs(const JobRef& ref, Follow follow, LogSink sink) {
  const auto key = co_await key_of(ref);
  if (!key) {
    co_return tl::make_unexpected(key.error());
  }
  co_return co_await openpai::read_logs(api_, *key, ref.instance, follow, std::move(sink));
}

awaitable<Result<void>> OpenpaiCluster::stop(const JobRef& ref) {
  const auto key = co_await key_of(ref);
  if (!key) {
    co_return tl::make_unexpected(key.error());
  }
  auto stopped = co_await api_.stop(*key);
  const bool is_gone = !stopped && stopped.error().code == Code::kNotFound;
  co_return is_gone ? Result<void>() : stopped;
}

awaitable<Result<std::vector<ListedJob>>> OpenpaiCluster::list(const std::string& owner) {
  const auto name = co_await user();
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  const auto jobs = co_await api_.living_jobs(*name, kPrefix);
  if (!jobs) {
    co_return tl::make_unexpected(jobs.error());
  }
  std::vector<ListedJob> listed;
  for (const openpai::JobSummary& job : *jobs) {
    const std::string key = openpai::job_key(job.user, job.name);
    const auto config = co_await api_.config(key);
    // One that is gone by now, or that somebody else has named as we do, is none of ours.
    if (!config &&
        (config.error().code == Code::kNotFound || config.error().code == Code::kProtocol)) {
      continue;
    }
    if (!config) {
      co_return tl::make_unexpected(config.error());
    }
    const auto& facts = config->rdev;
    if (facts && facts->owner == owner && !facts->host_public_keys.empty()) {
      listed.push_back({.ref = {.name = facts->name, .id = facts->id, .native = key},
                        .status = {.state = as_state(job.state), .exit_code = {}, .reason = {}},
                        .image = config->image,
                        .host_public_key = facts->host_public_keys.front(),
                        .instance_keys = several(facts->host_public_keys),
                        .user = {},
                        .created_unix_s = job.submitted_ms.value_or(0) / 1000});
    }
  }
  co_return listed;
}

}  // namespace

Result<std::unique_ptr<Cluster>> make_openpai(const state::Paths& paths,
                                              templates::ClusterEntry entry) {
  auto account = openpai::account_of(paths, entry);
  if (!account) {
    return tl::make_unexpected(account.error());
  }
  return std::make_unique<OpenpaiCluster>(paths, std::move(entry), *std::move(account));
}

}  // namespace rdev::cluster
