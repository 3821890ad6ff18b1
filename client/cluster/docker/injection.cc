#include "client/cluster/docker/injection.h"

#include "client/cluster/docker/create_body.h"
#include "protocol/rdev.pb.h"

namespace rdev::cluster::docker {

std::string agent_config(const JobSpec& spec, Listen listen) {
  AgentConfig config;
  config.set_job_name(spec.name);
  config.set_job_id(spec.id);
  config.set_host_seed(spec.host_seed);
  for (const std::string& line : spec.authorized_keys) {
    config.add_authorized_keys(line);
  }
  if (listen == Listen::kPublishedPort) {
    config.add_listen("0.0.0.0:" + std::to_string(kAgentPort));
  }
  config.set_socket(std::string(kVolume) + "/run/agent.sock");
  config.set_fallback_home(std::string(kVolume) + "/home");
  if (spec.lifetime) {
    config.set_lifetime_seconds(static_cast<std::uint64_t>(spec.lifetime->count()));
  }
  config.set_exit_with_command(spec.exit_with_command);
  config.set_login_shell(spec.login_shell);
  config.set_quiet(spec.quiet);
  for (const Denied denied : spec.deny) {
    config.add_deny(static_cast<AgentConfig::Deny>(denied));
  }
  return config.SerializeAsString();
}

std::string volume_archive(const std::string& agent, const std::string& config, Owner owner,
                           std::int64_t now_unix_s) {
  TarWriter tar(now_unix_s);
  tar.add_file("rdev-agent", 0755, Owner(), agent);
  tar.add_file("config", 0400, owner, config);
  tar.add_dir("run/", 0700, owner);
  tar.add_dir("home/", 0700, owner);
  return tar.finish();
}

}  // namespace rdev::cluster::docker
