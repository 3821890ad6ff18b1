#include "client/link/agent.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "client/cluster/of_record.h"
#include "client/state/identity.h"
#include "protocol/base/with_timeout.h"
#include "protocol/ssh/client.h"

namespace rdev::link_process {
namespace {

// Each is several round trips, of a line that may take 2 s for one and lose packets. Who cannot
// wait for a line that has gone silent dials beside.
constexpr std::chrono::seconds kHandshakeLimit{30};
constexpr std::chrono::seconds kSubsystemLimit{30};
constexpr char kSubsystem[] = "rdev-link";
// This process reads at once what comes, so the window is not what bounds memory: it is as large as
// a fat pipe needs.
constexpr std::uint32_t kWindow = 64U << 20U;

Result<ssh::PrivateKey> load_key(const state::Paths& paths, const std::string& job) {
  const std::filesystem::path own = state::job_files(paths, job).key;
  std::error_code error;
  return state::load_key(std::filesystem::exists(own, error) ? own
                                                             : state::long_lived_key_file(paths));
}

class RecordedAgent final : public Agent {
 public:
  RecordedAgent(const asio::any_io_executor& executor, state::Paths paths, std::string name,
                std::string id)
      : paths_(std::move(paths)),
        name_(std::move(name)),
        id_(std::move(id)),
        clusters_(executor, paths_) {}

  awaitable<Result<Line>> dial(std::function<void()> progress) override {
    auto record = load();
    if (!record) {
      co_return tl::make_unexpected(record.error());
    }
    const auto cluster = cluster::cluster_of(clusters_, *record);
    const auto key = load_key(paths_, name_);
    const auto host_key = ssh::PublicKey::parse(record->host_public_key);
    if (!cluster || !key || !host_key) {
      co_return tl::make_unexpected(!cluster ? cluster.error()
                                             : (key ? host_key.error() : key.error()));
    }
    auto dialled = co_await cluster::dial_any(**cluster, *record);
    if (!dialled) {
      co_return tl::make_unexpected(dialled.error());
    }
    const cluster::Endpoint endpoint = dialled->endpoint;
    auto line = co_await shake_hands(*std::move(dialled), record->user, *host_key, *key, progress);
    if (!line && co_await find_elsewhere(**cluster, *record, endpoint)) {
      dialled = co_await cluster::dial_any(**cluster, *record);
      line = dialled ? co_await shake_hands(*std::move(dialled), record->user, *host_key, *key,
                                            progress)
                     : tl::make_unexpected(dialled.error());
    }
    co_return line;
  }

  awaitable<Result<void>> check() override {
    const auto record = load();
    if (!record) {
      co_return tl::make_unexpected(record.error());
    }
    const auto cluster = cluster::cluster_of(clusters_, *record);
    if (!cluster) {
      co_return tl::make_unexpected(cluster.error());
    }
    co_return co_await cluster::check_alive(**cluster, *record);
  }

 private:
  awaitable<Result<Line>> shake_hands(cluster::Dialled dialled, std::string user,
                                      ssh::PublicKey host_key, const ssh::PrivateKey& key,
                                      const std::function<void()>& progress) {
    progress();
    ssh::ClientOptions options{
        .user = std::move(user), .host_key = std::move(host_key), .window = kWindow};
    auto client = co_await base::with_timeout(
        ssh::Client::connect(std::move(dialled.socket), std::move(options), key), kHandshakeLimit,
        "the SSH handshake");
    if (!client) {
      co_return prefix("dialling " + dialled.endpoint, client.error());
    }
    progress();
    auto stream =
        co_await base::with_timeout((*client)->subsystem(kSubsystem), kSubsystemLimit, "the link");
    if (!stream) {
      co_return tl::make_unexpected(explain(std::move(stream.error())));
    }
    co_return Line{.below = std::move(*client),
                   .stream = std::move(*stream),
                   .endpoint = std::move(dialled.endpoint)};
  }

  // An engine gives a container that it starts anew another port, and the one before to somebody
  // else, who answers there. Whether `endpoint` is the job's no more; the record then has those
  // that are.
  static awaitable<bool> find_elsewhere(cluster::Cluster& cluster, state::JobRecord& record,
                                        const cluster::Endpoint& endpoint) {
    auto now = co_await cluster::ask_endpoints(cluster, record);
    if (!now || std::find(now->begin(), now->end(), endpoint) != now->end()) {
      co_return false;
    }
    record.endpoints = *std::move(now);
    co_return true;
  }

  Result<state::JobRecord> load() const {
    auto record = state::load(paths_, name_);
    if (record && record->id != id_) {
      return fail(Code::kNotFound, "the job " + name_ + " was replaced by another one");
    }
    return record;
  }

  Error explain(Error error) const {
    if (error.code == Code::kUnavailable) {  // the server lives and refused it
      return {Code::kProtocol,
              "the agent of this job is older than this rdev and has no link: "
              "rdev down " +
                  name_ + " and rdev up start it anew; rdev proxy --raw --direct still works"};
    }
    return error;
  }

  state::Paths paths_;
  std::string name_, id_;
  cluster::Clusters clusters_;
};

}  // namespace

Result<std::unique_ptr<Agent>> make_agent(const asio::any_io_executor& executor,
                                          const state::Paths& paths, const std::string& job) {
  auto record = state::load(paths, job);
  if (!record) {
    return tl::make_unexpected(record.error());
  }
  if (record->stage != state::Stage::kRunning) {
    return fail(Code::kUnavailable,
                "the job " + job + " is being started or removed: try again when that is done");
  }
  return std::make_unique<RecordedAgent>(executor, paths, job, record->id);
}

}  // namespace rdev::link_process
