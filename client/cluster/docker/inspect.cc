#include "client/cluster/docker/inspect.h"

#include <boost/asio/ip/address.hpp>
#include <boost/json/serialize.hpp>
#include <cstring>

#include "client/cluster/docker/create_body.h"

namespace rdev::cluster::docker {
namespace {

// A sentence for an ended container; empty when it ended well.
std::string end_reason(const json::value& state, int code) {
  if (bool_at(state, "/OOMKilled")) {
    return "the job used more memory than it has and was killed; give it more with --memory";
  }
  if (const std::string error = text_at(state, "/Error"); !error.empty()) {
    return "the engine could not run the container: " + error;
  }
  if (code > 128 && code < 128 + 65) {
    const char* signal = ::sigabbrev_np(code - 128);
    return "the container was ended by signal " +
           (signal != nullptr ? "SIG" + std::string(signal) : std::to_string(code - 128));
  }
  return code == 0 ? "" : "the container ended with exit code " + std::to_string(code);
}

// The address to dial for a binding; empty when it can't be reached from here.
std::string reachable(const std::string& bound, const EngineAddress& engine) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(bound, error);
  const bool any = bound.empty() || (!error && address.is_unspecified());
  if (is_local(engine)) {
    return any ? "127.0.0.1" : bound;
  }
  if (any) {
    return engine.host;
  }
  return !error && address.is_loopback() ? "" : bound;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

JobStatus job_status(const json::value& inspected) {
  static const json::value kNone;
  const json::value* state = find_at(inspected, "/State");
  const json::value& s = state != nullptr ? *state : kNone;
  const std::string name = text_at(s, "/Status");
  JobStatus status;
  if (name == "running" || name == "paused") {
    status.state = JobState::kRunning;
    status.reason =
        name == "paused" ? "the container is paused; `docker unpause` lets it go on" : "";
    return status;
  }
  const int code = static_cast<int>(int_at(s, "/ExitCode"));
  if (name == "created" || name == "restarting") {
    status.state = text_at(s, "/Error").empty() ? JobState::kStarting : JobState::kEnded;
  } else {
    status.state = name == "removing" || name.empty() ? JobState::kGone : JobState::kEnded;
  }
  if (status.state == JobState::kEnded) {
    status.exit_code = code;
    status.reason = end_reason(s, code);
  }
  return status;
}

bool has_host_network(const json::value& inspected) {
  return text_at(inspected, "/HostConfig/NetworkMode") == "host";
}

std::vector<Endpoint> endpoints_of(const json::value& inspected, const EngineAddress& engine) {
  std::vector<Endpoint> endpoints;
  if (job_status(inspected).state != JobState::kRunning) {
    return endpoints;
  }
  const json::value* bound =
      find_at(inspected, "/NetworkSettings/Ports/" + std::to_string(kAgentPort) + "~1tcp");
  if (bound != nullptr && bound->is_array()) {
    for (const json::value& binding : bound->get_array()) {
      const std::string host = reachable(text_at(binding, "/HostIp"), engine);
      const Endpoint endpoint = "tcp:" + bracketed(host) + ":" + text_at(binding, "/HostPort");
      // The engine lists 0.0.0.0 and [::] as two bindings of one port.
      if (!host.empty() && (endpoints.empty() || endpoints.back() != endpoint)) {
        endpoints.push_back(endpoint);
      }
    }
  }
  endpoints.push_back("docker-exec:" + text_at(inspected, "/Id"));
  return endpoints;
}

std::vector<Found> our_containers(const json::value& listed) {
  std::vector<Found> found;
  if (!listed.is_array()) {
    return found;
  }
  for (const json::value& container : listed.get_array()) {
    Found one;
    one.id = text_at(container, "/Id");
    one.name = text_at(container, "/Labels/rdev.name");
    one.job_id = text_at(container, "/Labels/rdev.id");
    one.image = text_at(container, "/Image");
    one.host_public_key = text_at(container, "/Labels/rdev.host-key");
    one.user = text_at(container, "/Labels/rdev.user");
    one.created_unix_s = int_at(container, "/Created");
    const auto names = texts_at(container, "/Names");
    const std::string wanted = "/" + container_name(one.name, one.job_id);
    if (!one.id.empty() && std::find(names.begin(), names.end(), wanted) != names.end()) {
      found.push_back(std::move(one));
    }
  }
  return found;
}

awaitable<Result<std::vector<Found>>> find_containers(Engine& engine, std::string label,
                                                      std::string value) {
  const json::object filters = {{"label", json::array{label + "=" + value}}};
  auto listed = co_await get_json(
      engine, http::with_query("/containers/json", "filters", json::serialize(filters)) + "&all=1");
  if (!listed) {
    co_return tl::make_unexpected(listed.error());
  }
  co_return our_containers(listed->value_or(json::value()));
}

awaitable<Result<std::optional<json::value>>> inspect_container(Engine& engine, std::string id) {
  co_return co_await get_json(engine, "/containers/" + id + "/json");
}

}  // namespace rdev::cluster::docker
