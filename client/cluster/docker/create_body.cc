#include "client/cluster/docker/create_body.h"

#include <cmath>

namespace rdev::cluster::docker {
namespace {

std::string tcp(std::uint16_t port) { return std::to_string(port) + "/tcp"; }

json::object labels(const JobSpec& spec, const ImageFacts& facts) {
  const std::string user = spec.user.empty() ? facts.user : spec.user;
  return {{"rdev.name", spec.name},
          {"rdev.id", spec.id},
          {"rdev.owner", spec.owner},
          {"rdev.host-key", spec.host_public_key},
          {"rdev.user", user.substr(0, user.find(':'))},
          {"rdev.version", RDEV_VERSION}};
}

json::array environment(const JobSpec& spec) {
  json::array array;
  for (const auto& [name, value] : spec.env) {
    std::string entry = name;
    entry += '=';
    entry += value;
    array.emplace_back(entry);
  }
  return array;
}

json::array mounts(const JobSpec& spec) {
  json::array array;
  for (const Mount& mount : spec.mounts) {
    array.push_back({{"Type", "bind"},
                     {"Source", mount.host},
                     {"Target", mount.path},
                     {"ReadOnly", mount.read_only}});
  }
  return array;
}

json::array device_requests(int gpus) {
  // Built step by step: a braced list with one array in it is a copy of that array.
  json::array capabilities;
  capabilities.emplace_back(json::array{"gpu"});
  json::array requests;
  requests.push_back({{"Driver", ""}, {"Count", gpus}, {"Capabilities", std::move(capabilities)}});
  return requests;
}

json::object host_config(const JobSpec& spec, const std::vector<PortBinding>& ports) {
  json::object host = {{"Init", false},
                       {"Privileged", spec.privileged},
                       {"ReadonlyRootfs", spec.read_only},
                       {"Mounts", mounts(spec)}};
  if (spec.memory_bytes) {
    host["Memory"] = *spec.memory_bytes;
  }
  if (spec.cpus) {
    host["NanoCpus"] = std::llround(*spec.cpus * 1e9);
  }
  if (spec.shm_bytes) {
    host["ShmSize"] = *spec.shm_bytes;
  }
  if (spec.gpus.value_or(0) != 0) {
    host["DeviceRequests"] = device_requests(*spec.gpus);
  }
  json::object bindings;
  for (const PortBinding& port : ports) {
    bindings[tcp(port.inside)] =
        json::array{json::object{{"HostIp", port.address}, {"HostPort", port.outside}}};
  }
  host["PortBindings"] = std::move(bindings);
  return host;
}

}  // namespace

std::string container_name(const std::string& name, const std::string& id) {
  return "rdev-" + name + "-" + id.substr(0, 12);
}

std::vector<std::string> job_command(const JobSpec& spec, const ImageFacts& facts) {
  std::vector<std::string> command;
  if (spec.command.empty()) {
    return command;
  }
  // An image made by `docker commit` from a job has the agent as its entrypoint.
  const bool ours = !facts.entrypoint.empty() && facts.entrypoint[0] == kAgentPath;
  if (spec.entrypoint && !ours) {
    command = facts.entrypoint;
  }
  command.insert(command.end(), spec.command.begin(), spec.command.end());
  return command;
}

json::object create_body(const JobSpec& spec, const ImageFacts& facts,
                         const std::vector<PortBinding>& ports) {
  json::array arguments = {"serve", "--config", kConfigPath};
  if (const auto command = job_command(spec, facts); !command.empty()) {
    arguments.emplace_back("--");
    for (const std::string& word : command) {
      arguments.emplace_back(word);
    }
  }
  json::object exposed;
  for (const PortBinding& port : ports) {
    exposed[tcp(port.inside)] = json::object();
  }
  json::object body = {
      {"Image", spec.image},
      {"Hostname", spec.name},
      {"Entrypoint", json::array{kAgentPath}},
      {"Cmd", std::move(arguments)},
      {"Env", environment(spec)},
      {"Labels", labels(spec, facts)},
      {"Volumes", {{kVolume, json::object()}}},
      {"ExposedPorts", std::move(exposed)},
      // The image's own would fail: what it looks at does not run unless the job starts it.
      {"Healthcheck", {{"Test", json::array{"NONE"}}}},
      {"StopSignal", "SIGTERM"},
      {"HostConfig", host_config(spec, ports)},
  };
  if (!spec.user.empty()) {
    body["User"] = spec.user;
  }
  return body;
}

}  // namespace rdev::cluster::docker
