#include "client/cluster/local/job_files.h"

#include <unistd.h>

#include <system_error>

#include "client/cluster/local/keeper.h"
#include "client/cluster/local/labels.h"
#include "protocol/base/file.h"
#include "protocol/rdev.pb.h"

namespace rdev::cluster {
namespace {

namespace fs = std::filesystem;

std::string agent_config(const JobSpec& spec, const fs::path& dir, const fs::path& socket) {
  AgentConfig config;
  config.set_job_name(spec.name);
  config.set_job_id(spec.id);
  config.set_host_seed(spec.host_seed);
  for (const std::string& line : spec.authorized_keys) {
    config.add_authorized_keys(line);
  }
  config.set_socket(socket.string());
  config.set_lifetime_seconds(spec.lifetime ? static_cast<std::uint64_t>(spec.lifetime->count())
                                            : 0);
  config.set_exit_with_command(spec.exit_with_command);
  config.set_login_shell(spec.login_shell);
  config.set_quiet(spec.quiet);
  for (const Denied denied : spec.deny) {
    config.add_deny(static_cast<AgentConfig::Deny>(denied));
  }
  config.set_fallback_home((dir / "home").string());
  return config.SerializeAsString();
}

// Variables that are about this rdev, or about a job that it runs in.
bool is_internal(const std::string& name) {
  return name == "RDEV_HOME" || name == kOwnerLabel || name.starts_with("RDEV_JOB_") ||
         name.starts_with("RDEV_KEEPER_");
}

}  // namespace

Result<void> check_local(const JobSpec& spec) {
  const std::pair<bool, const char*> wanted[] = {
      {!spec.image.empty(), "an image (--image)"},
      {spec.gpus.has_value(), "GPUs of its own (--gpus)"},
      {!spec.mounts.empty(), "mounts (--mount)"},
      {spec.publish.has_value(), "published ports (--publish)"},
      {!spec.user.empty(), "another user (--user)"},
      {spec.cpus.has_value(), "a CPU limit (--cpus)"},
      {spec.memory_bytes.has_value(), "a memory limit (--memory)"},
      {spec.shm_bytes.has_value(), "a /dev/shm of its own (shm)"},
      {spec.privileged, "more privileges (privileged)"},
      {spec.read_only, "a read-only root (read_only)"},
  };
  for (const auto& [asked, what] : wanted) {
    if (asked) {
      return fail(Code::kUsage, std::string("the cluster 'local' is this machine as it is and "
                                            "cannot give a job ") +
                                    what + ": use --cluster docker");
    }
  }
  return {};
}

Result<void> make_job_files(const JobSpec& spec, const fs::path& dir, const fs::path& socket) {
  std::error_code error;
  fs::remove_all(dir, error);
  if (error) {
    return fail_errno("cannot remove " + dir.string(), error.value());
  }
  for (const fs::path& made : {dir, socket.parent_path()}) {
    if (auto result = base::make_private_dir(made); !result) {
      return result;
    }
  }
  fs::remove(socket, error);
  return base::write_file_atomic(agent_config_file(dir), agent_config(spec, dir, socket), 0400);
}

void remove_files(const fs::path& dir, const fs::path& socket) {
  std::error_code
      ignored;  // what cannot be removed goes with the job's state, or is reported there
  fs::remove(socket, ignored);
  fs::remove_all(dir, ignored);
}

std::map<std::string, std::string> job_environment(const JobSpec& spec, const fs::path& socket) {
  std::map<std::string, std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos && equals != 0 && !is_internal(text.substr(0, equals))) {
      env.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  for (const auto& [name, value] : spec.env) {
    env[name] = value;
  }
  env[kJobIdLabel] = spec.id;
  env[kJobNameLabel] = spec.name;
  env[kOwnerLabel] = spec.owner;
  env[kKeeperSocketLabel] = socket.string();
  env[kKeeperHostKeyLabel] = spec.host_public_key;
  return env;
}

}  // namespace rdev::cluster
