#include "client/commands/job_plan.h"

#include <cstdlib>
#include <utility>

#include "client/cluster/clusters.h"
#include "client/commands/jobs.h"
#include "client/templates/config.h"
#include "client/templates/job_template.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

using templates::JobTemplate;

constexpr std::chrono::hours kDefaultLifetime{5};

// Copies a parsed option over the template's value; names the option in the error.
template <class T, class U>
Result<void> over(const char* option, Result<T> parsed, U& target) {
  if (!parsed) {
    return prefix(option, parsed.error());
  }
  target = std::move(*parsed);
  return {};
}

Result<void> read_env(const std::vector<std::string>& given, JobTemplate& job) {
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (auto checked = templates::check_env_name(name); !checked) {
      return prefix("--env", checked.error());
    }
    if (equals != std::string::npos) {
      job.env[name] = text.substr(equals + 1);
    } else if (const char* own = std::getenv(name.c_str())) {
      job.env[name] = own;  // as `docker run --env NAME`
    }
  }
  return {};
}

Result<void> read_mounts(const std::vector<std::string>& given, JobTemplate& job) {
  for (const std::string& text : given) {
    auto mount = templates::parse_mount(text);
    if (!mount) {
      return prefix("--mount", mount.error());
    }
    job.mounts.push_back(std::move(*mount));
  }
  return {};
}

Result<void> apply_options(const UpOptions& options, JobTemplate& job) {
  job.image = options.image.empty() ? job.image : options.image;
  job.user = options.user.empty() ? job.user : options.user;
  if (!options.command.empty()) {
    job.command = options.command;
  }
  job.entrypoint = job.entrypoint && !options.no_entrypoint;
  job.exit_with_command = job.exit_with_command || options.exit_with_command;
  if (!options.publish.empty()) {
    job.publish = options.publish;
  }
  Result<void> done;
  if (done && !options.ttl.empty()) {
    done = over("--ttl", ui::parse_lifetime(options.ttl), job.lifetime);
  }
  if (done && !options.gpus.empty()) {
    done = over("--gpus", templates::parse_gpus(options.gpus), job.gpus);
  }
  if (done && !options.memory.empty()) {
    done = over("--memory", ui::parse_size(options.memory), job.memory_bytes);
  }
  if (done && options.cpus) {
    done = over("--cpus", templates::check_cpus(*options.cpus), job.cpus);
  }
  if (done) {
    done = read_env(options.env, job);
  }
  return done ? read_mounts(options.mounts, job) : done;
}

cluster::JobSpec spec_of(const JobTemplate& job) {
  cluster::JobSpec spec;
  spec.image = job.image;
  spec.user = job.user;
  spec.command = job.command;
  spec.entrypoint = job.entrypoint;
  spec.exit_with_command = job.exit_with_command;
  spec.gpus = job.gpus;
  spec.cpus = job.cpus;
  spec.memory_bytes = job.memory_bytes;
  spec.shm_bytes = job.shm_bytes;
  spec.privileged = job.privileged;
  spec.read_only = job.read_only;
  spec.env = job.env;
  spec.ports = job.ports;
  for (const templates::Mount& mount : job.mounts) {
    spec.mounts.push_back({.host = mount.host, .path = mount.path, .read_only = mount.read_only});
  }
  spec.publish = job.publish;
  spec.lifetime = job.lifetime.value_or(kDefaultLifetime);
  spec.login_shell = job.login;
  spec.deny = job.deny;
  return spec;
}

Result<JobTemplate> load_template(const state::Paths& paths, const std::string& which) {
  const auto file = templates::find_job_template(paths, which);
  if (!file) {
    return tl::make_unexpected(file.error());
  }
  return templates::load_job_template(*file);
}

}  // namespace

Result<JobPlan> make_plan(const state::Paths& paths, const UpOptions& options) {
  const auto config = templates::load_config(paths);
  if (!config) {
    return tl::make_unexpected(config.error());
  }
  JobPlan plan{.cluster = options.cluster, .spec = {}};
  Result<JobTemplate> job;
  if (!options.job_template.empty()) {
    job = load_template(paths, options.job_template);
    if (job && plan.cluster.empty()) {
      plan.cluster = job->cluster.value_or("");
    }
  }
  if (plan.cluster.empty()) {
    plan.cluster = config->cluster.value_or("local");
  }
  if (auto known = cluster::Clusters::check_name(plan.cluster); !known) {
    return tl::make_unexpected(known.error());
  }
  if (job && options.job_template.empty()) {
    job = load_template(paths, plan.cluster);
  }
  if (!job) {
    return tl::make_unexpected(job.error());
  }
  if (job->cluster && *job->cluster != plan.cluster) {
    return fail(Code::kUsage, "the template is for the cluster '" + *job->cluster + "', not '" +
                                  plan.cluster +
                                  "': leave --cluster out, or name another "
                                  "--template");
  }
  if (auto applied = apply_options(options, *job); !applied) {
    return tl::make_unexpected(applied.error());
  }
  plan.spec = spec_of(*job);
  return plan;
}

}  // namespace rdev::commands
