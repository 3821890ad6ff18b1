#include "client/cluster/local/local.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "client/cluster/local/follow.h"
#include "client/cluster/local/job_files.h"
#include "client/cluster/local/keeper.h"
#include "client/cluster/local/labels.h"
#include "client/cluster/local/machine.h"
#include "client/state/job_record.h"
#include "protocol/base/readable.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster {
namespace {

namespace fs = std::filesystem;

constexpr char kUnixScheme[] = "unix:";
// Longer than the keeper's grace for the agent.
constexpr std::chrono::seconds kStopLimit{8};

std::optional<ProcessId> keeper_of(const JobRef& ref) {
  return ref.native.empty() ? find_keeper(ref.id) : parse_process_id(ref.native);
}

// The socket that the job's keeper was told; nullopt when there is no such process.
std::optional<std::string> socket_of(const ProcessId& keeper) {
  const auto labels = read_labels(keeper);
  return labels && labels->keeper ? std::optional(labels->socket) : std::nullopt;
}

class LocalCluster final : public Cluster {
 public:
  LocalCluster(asio::any_io_executor executor, LocalOptions options)
      : executor_(std::move(executor)), options_(std::move(options)) {}

  Result<void> check(const JobSpec& spec) const override { return check_local(spec); }

  awaitable<Result<JobRef>> submit(const JobSpec& spec, Progress progress) override {
    if (auto checked = check(spec); !checked) {
      co_return tl::make_unexpected(checked.error());
    }
    progress("starting the agent", "");
    const fs::path dir = dir_of(spec.name);
    const fs::path socket = state::job_socket(options_.paths, spec.name);
    auto keeper = start(spec, dir, socket);
    if (!keeper) {
      remove_files(dir, socket);
      co_return tl::make_unexpected(keeper.error());
    }
    co_return JobRef{.name = spec.name, .id = spec.id, .native = to_text(*keeper)};
  }

  awaitable<Result<JobStatus>> status(const JobRef& ref) override {
    if (const auto keeper = keeper_of(ref); keeper && is_alive(*keeper)) {
      const auto socket = socket_of(*keeper);
      std::error_code error;
      const bool listens = socket && fs::exists(*socket, error);
      co_return JobStatus{.state = listens ? JobState::kRunning : JobState::kStarting,
                          .exit_code = {},
                          .reason = {}};
    }
    const fs::path dir = dir_of(ref.name);
    if (const auto ended = read_exit(dir)) {
      co_return *ended;
    }
    std::error_code error;
    if (fs::exists(dir, error)) {
      co_return JobStatus{.state = JobState::kEnded,
                          .exit_code = {},
                          .reason = "its processes were killed, or the machine was restarted"};
    }
    co_return JobStatus{};
  }

  awaitable<Result<std::vector<Endpoint>>> endpoints(const JobRef& ref) override {
    std::vector<Endpoint> found;
    if (const auto keeper = keeper_of(ref); keeper && is_alive(*keeper)) {
      if (const auto socket = socket_of(*keeper)) {
        found.push_back(kUnixScheme + *socket);
      }
    }
    co_return found;
  }

  awaitable<Result<bool>> shares_host_network(const JobRef&) override { co_return true; }

  awaitable<Result<base::Fd>> dial(const JobRef& ref, const Endpoint& endpoint) override {
    if (!endpoint.starts_with(kUnixScheme)) {
      co_return fail(Code::kUsage, "a local job has no endpoint " + endpoint);
    }
    const std::string path = endpoint.substr(sizeof kUnixScheme - 1);
    asio::local::stream_protocol::socket socket(executor_);
    const asio::local::stream_protocol::endpoint address(path);
    const auto [error] = co_await socket.async_connect(address, use_tuple);
    if (error) {
      co_return fail(Code::kUnavailable, "the agent of " + ref.name + " does not answer on " +
                                             path + ": " + error.message());
    }
    boost::system::error_code ignored;
    base::Fd fd(socket.release(ignored));
    if (!fd) {
      co_return fail(Code::kFailed, "cannot take over the socket: " + ignored.message());
    }
    co_return fd;
  }

  awaitable<Result<void>> logs(const JobRef& ref, Follow follow, LogSink sink) override {
    const auto keeper = follow == Follow::kYes ? keeper_of(ref) : std::nullopt;
    co_return co_await read_log(log_file(dir_of(ref.name)), keeper, std::move(sink));
  }

  awaitable<Result<void>> stop(const JobRef& ref) override {
    const auto keeper = keeper_of(ref);
    const auto socket = keeper ? socket_of(*keeper) : std::nullopt;
    if (keeper) {
      if (auto asked = send_signal(*keeper, SIGTERM); !asked) {
        co_return asked;
      }
      if (base::Fd ended = open_process(*keeper)) {
        // A keeper that does not end in time is among those killed below.
        (void)co_await base::with_timeout(base::wait_readable(std::move(ended)), kStopLimit,
                                          "stopping");
      }
    }
    // By descent first: an agent that is not dumpable hides its labels from all but root.
    for (const pid_t root : {keeper && is_alive(*keeper) ? keeper->pid : 0, 0}) {
      if (auto killed = kill_job(ref.id, root); !killed) {
        co_return killed;
      }
    }
    remove_files(dir_of(ref.name), socket.value_or(state::job_socket(options_.paths, ref.name)));
    co_return Result<void>{};
  }

  awaitable<Result<std::vector<Pool>>> pools() override {
    co_return std::vector<Pool>{this_machine()};
  }

  awaitable<Result<std::vector<ListedJob>>> list(const std::string& owner) override {
    std::vector<ListedJob> listed;
    for (const FoundJob& job : find_jobs_of(owner)) {
      ListedJob entry;
      entry.ref = {.name = job.name, .id = job.id, .native = {}};
      entry.status = {.state = JobState::kEnded,
                      .exit_code = {},
                      .reason = "its agent is gone but some of its processes are left"};
      if (job.keeper) {
        entry.ref.native = to_text(*job.keeper);
        entry.status = {.state = JobState::kRunning, .exit_code = {}, .reason = {}};
        entry.created_unix_s = started_unix_s(*job.keeper);
      }
      entry.host_public_key = job.host_public_key;
      listed.push_back(std::move(entry));
    }
    co_return listed;
  }

 private:
  fs::path dir_of(const std::string& name) const {
    return state::job_files(options_.paths, name).dir / "local";
  }

  Result<ProcessId> start(const JobSpec& spec, const fs::path& dir, const fs::path& socket) const {
    if (auto made = make_job_files(spec, dir, socket); !made) {
      return tl::make_unexpected(made.error());
    }
    const auto home = state::home_dir();
    std::error_code error;
    return start_keeper({.program = options_.keeper_program,
                         .agent = spec.agent_binary,
                         .dir = dir,
                         .working_directory = home && fs::is_directory(*home, error) ? *home : "/",
                         .command = spec.command,
                         .env = job_environment(spec, socket)});
  }

  asio::any_io_executor executor_;
  LocalOptions options_;
};

}  // namespace

std::unique_ptr<Cluster> make_local(asio::any_io_executor executor, LocalOptions options) {
  return std::make_unique<LocalCluster>(std::move(executor), std::move(options));
}

}  // namespace rdev::cluster
