#include "client/cluster/openpai/agent_config.h"

#include "protocol/rdev.pb.h"

namespace rdev::cluster::openpai {

std::string agent_config(const JobSpec& spec) {
  AgentConfig config;
  config.set_job_name(spec.name);
  config.set_job_id(spec.id);
  config.set_host_seed(spec.host_seed);
  for (const std::string& line : spec.authorized_keys) {
    config.add_authorized_keys(line);
  }
  if (spec.lifetime) {
    config.set_lifetime_seconds(static_cast<std::uint64_t>(spec.lifetime->count()));
  }
  config.set_login_shell(spec.login_shell);
  config.set_quiet(spec.quiet);
  for (const Denied denied : spec.deny) {
    config.add_deny(static_cast<AgentConfig::Deny>(denied));
  }
  return config.SerializeAsString();
}

}  // namespace rdev::cluster::openpai
