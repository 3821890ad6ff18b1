#include "client/cluster/docker/docker.h"

#include <chrono>

#include "client/carrier/tcp.h"
#include "client/cluster/docker/create_body.h"
#include "client/cluster/docker/discovery.h"
#include "client/cluster/docker/engine.h"
#include "client/cluster/docker/exec.h"
#include "client/cluster/docker/inspect.h"
#include "client/cluster/docker/logs.h"
#include "client/cluster/docker/remove.h"
#include "client/cluster/docker/submit.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster {
namespace {

constexpr auto kDialLimit = std::chrono::seconds(10);

tl::unexpected<Error> gone(const JobRef& ref) {
  return fail(Code::kNotFound,
              "job " + ref.name + " has no container on the docker engine any more");
}

class DockerCluster final : public Cluster {
 public:
  DockerCluster(asio::any_io_executor executor, docker::EngineAddress address,
                docker::DockerConfig config)
      : executor_(std::move(executor)), engine_(std::move(address)), config_(std::move(config)) {}

  Result<void> check(const JobSpec& spec) const override {
    return docker::check_spec(
        spec, is_local(engine_.address()) ? docker::Place::kLocal : docker::Place::kRemote);
  }

  awaitable<Result<JobRef>> submit(const JobSpec& spec, Progress progress) override;
  awaitable<Result<JobStatus>> status(const JobRef& ref) override;
  awaitable<Result<std::vector<Endpoint>>> endpoints(const JobRef& ref) override;
  awaitable<Result<base::Fd>> dial(const JobRef& ref, const Endpoint& endpoint) override;
  awaitable<Result<void>> logs(const JobRef& ref, Follow follow, LogSink sink) override;
  awaitable<Result<void>> stop(const JobRef& ref) override;
  awaitable<Result<bool>> shares_host_network(const JobRef& ref) override;
  awaitable<Result<std::vector<Pool>>> pools() override;
  // The engine goes on making a container when the connection that asked for it ends.
  bool may_come_late() const override { return true; }
  awaitable<Result<std::vector<ListedJob>>> list(const std::string& owner) override;

 private:
  // The job's container; empty when there is none.
  awaitable<Result<std::string>> container_of(const JobRef& ref);
  awaitable<Result<std::optional<boost::json::value>>> inspect(const JobRef& ref);

  asio::any_io_executor executor_;  // of what goes on after a call: exec streams
  docker::Engine engine_;
  docker::DockerConfig config_;
};

awaitable<Result<std::string>> DockerCluster::container_of(const JobRef& ref) {
  if (!ref.native.empty()) {
    co_return ref.native;
  }
  auto found = co_await docker::find_containers(engine_, "rdev.id", ref.id);
  if (!found) {
    co_return tl::make_unexpected(found.error());
  }
  co_return found->empty() ? "" : found->front().id;
}

awaitable<Result<std::optional<boost::json::value>>> DockerCluster::inspect(const JobRef& ref) {
  auto container = co_await container_of(ref);
  if (!container) {
    co_return tl::make_unexpected(container.error());
  }
  if (container->empty()) {
    co_return std::optional<boost::json::value>();
  }
  co_return co_await docker::inspect_container(engine_, *container);
}

awaitable<Result<JobRef>> DockerCluster::submit(const JobSpec& spec, Progress progress) {
  if (auto good = check(spec); !good) {
    co_return tl::make_unexpected(good.error());
  }
  co_return co_await docker::submit_job(engine_, config_, spec, progress);
}

awaitable<Result<JobStatus>> DockerCluster::status(const JobRef& ref) {
  auto inspected = co_await inspect(ref);
  if (!inspected) {
    co_return tl::make_unexpected(inspected.error());
  }
  co_return *inspected ? docker::job_status(**inspected) : JobStatus();
}

awaitable<Result<std::vector<Endpoint>>> DockerCluster::endpoints(const JobRef& ref) {
  auto inspected = co_await inspect(ref);
  if (!inspected) {
    co_return tl::make_unexpected(inspected.error());
  }
  if (!*inspected) {
    co_return gone(ref);
  }
  co_return docker::endpoints_of(**inspected, engine_.address());
}

// It shares nothing out: what is free is whatever the containers leave.
awaitable<Result<std::vector<Pool>>> DockerCluster::pools() {
  const auto info = co_await docker::get_json(engine_, "/info");
  if (!info) {
    co_return tl::make_unexpected(info.error());
  }
  const auto number = [&](const char* name) {
    const auto* object = *info ? (*info)->if_object() : nullptr;
    const auto* value = object == nullptr ? nullptr : object->if_contains(name);
    return value != nullptr && value->is_int64() ? std::optional<double>(value->get_int64())
                                                 : std::nullopt;
  };
  Pool pool;
  pool.total.cpus = number("NCPU");
  if (const auto bytes = number("MemTotal")) {
    pool.total.memory_mb = *bytes / (1U << 20U);
  }
  co_return std::vector<Pool>{std::move(pool)};
}

awaitable<Result<bool>> DockerCluster::shares_host_network(const JobRef& ref) {
  auto inspected = co_await inspect(ref);
  if (!inspected) {
    co_return tl::make_unexpected(inspected.error());
  }
  co_return *inspected&& docker::has_host_network(**inspected);
}

awaitable<Result<base::Fd>> DockerCluster::dial(const JobRef& ref, const Endpoint& endpoint) {
  if (endpoint.starts_with("docker-exec:")) {
    co_return co_await docker::dial_exec(engine_, executor_,
                                         endpoint.substr(endpoint.find(':') + 1));
  }
  const auto colon = endpoint.rfind(':');
  if (!endpoint.starts_with("tcp:") || colon <= 4) {
    co_return fail(Code::kUsage,
                   "job " + ref.name + ": the docker cluster has no endpoint \"" + endpoint + "\"");
  }
  std::string host = endpoint.substr(4, colon - 4);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  auto connected =
      co_await base::with_timeout(carrier::connect_tcp(host, endpoint.substr(colon + 1)),
                                  kDialLimit, "connecting to " + endpoint);
  co_return connected;
}

awaitable<Result<void>> DockerCluster::logs(const JobRef& ref, Follow follow, LogSink sink) {
  auto container = co_await container_of(ref);
  if (!container) {
    co_return tl::make_unexpected(container.error());
  }
  if (container->empty()) {
    co_return gone(ref);
  }
  co_return co_await docker::read_logs(engine_, *container, follow, std::move(sink));
}

awaitable<Result<void>> DockerCluster::stop(const JobRef& ref) {
  auto container = co_await container_of(ref);
  if (!container || container->empty()) {
    co_return container ? Result<void>() : tl::make_unexpected(container.error());
  }
  co_return co_await docker::stop_container(engine_, *container);
}

awaitable<Result<std::vector<ListedJob>>> DockerCluster::list(const std::string& owner) {
  auto found = co_await docker::find_containers(engine_, "rdev.owner", owner);
  if (!found) {
    co_return tl::make_unexpected(found.error());
  }
  std::vector<ListedJob> jobs;
  for (const docker::Found& one : *found) {
    auto inspected = co_await docker::inspect_container(engine_, one.id);
    if (!inspected) {
      co_return tl::make_unexpected(inspected.error());
    }
    if (!*inspected) {
      continue;  // removed meanwhile
    }
    ListedJob job;
    job.ref.name = one.name;
    job.ref.id = one.job_id;
    job.ref.native = one.id;
    job.status = docker::job_status(**inspected);
    job.image = one.image;
    job.host_public_key = one.host_public_key;
    job.user = one.user;
    job.created_unix_s = one.created_unix_s;
    jobs.push_back(std::move(job));
  }
  co_return jobs;
}

}  // namespace

Result<std::unique_ptr<Cluster>> make_docker(asio::any_io_executor executor,
                                             DockerOptions options) {
  docker::Getenv env = docker::process_getenv;
  if (!options.variables.empty()) {
    env = [variables = std::move(options.variables)](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::string() : found->second;
    };
  }
  auto config = docker::read_docker_config(env);
  if (!config) {
    return tl::make_unexpected(config.error());
  }
  auto address = docker::find_engine(options.host, *config, env);
  if (!address) {
    return tl::make_unexpected(address.error());
  }
  return std::make_unique<DockerCluster>(std::move(executor), std::move(*address),
                                         std::move(*config));
}

Result<std::map<std::string, std::string>> pin_docker_engine() {
  const auto config = docker::read_docker_config(docker::process_getenv);
  if (!config) {
    return tl::make_unexpected(config.error());
  }
  return docker::pin_engine(*config, docker::process_getenv);
}

}  // namespace rdev::cluster
