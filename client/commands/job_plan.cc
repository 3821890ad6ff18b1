#include "client/commands/job_plan.h"

#include <cstdlib>
#include <utility>

#include "client/cluster/clusters.h"
#include "client/cluster/openpai/render.h"
#include "client/commands/jobs.h"
#include "client/templates/job_template.h"
#include "client/templates/openpai_settings.h"
#include "client/templates/strict_yaml.h"
#include "client/ui/units.h"
#include "protocol/base/file.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

using cluster::Injection;
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
  if (done && !options.shm.empty()) {
    done = over("--shm", ui::parse_size(options.shm), job.shm_bytes);
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

Result<Injection> parse_injection(const std::string& text) {
  using Rung = Injection::Rung;
  if (text == "stub") {
    return Injection{};
  }
  if (text == "image") {
    return Injection{.rung = Rung::kImage, .place = {}};
  }
  const std::pair<std::string_view, Rung> placed[] = {
      {"url:", Rung::kUrl}, {"path:", Rung::kPath}, {"image:", Rung::kImage}};
  for (const auto& [prefix, rung] : placed) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) {
      return Injection{.rung = rung, .place = text.substr(prefix.size())};
    }
  }
  return fail(Code::kUsage, "'" + text +
                                "' is no way to bring the agent: write stub, url:URL, path:PATH, "
                                "image or image:PATH");
}

// A time that has an end: "15m".
Result<std::chrono::seconds> parse_duration(const std::string& text) {
  const auto duration = ui::parse_lifetime(text);
  if (!duration) {
    return tl::make_unexpected(duration.error());
  }
  if (!*duration) {
    return fail(Code::kUsage, "'" + text + "' has no end: write how long, as in 15m");
  }
  return **duration;
}

// What only a cluster with a scheduler of its own understands.
Result<void> apply_scheduling(const UpOptions& options, cluster::JobSpec& spec) {
  spec.virtual_cluster = options.virtual_cluster;
  spec.priority = options.priority;
  spec.sku = options.sku;
  spec.storages = options.storages;
  spec.setup = options.setup;
  if (options.instances && (*options.instances < 1 || *options.instances > 1000)) {
    return fail(Code::kUsage, "--instances: write 1 to 1000");
  }
  spec.instances = options.instances.value_or(spec.instances);
  Result<void> done;
  if (!options.inject.empty()) {
    done = over("--inject", parse_injection(options.inject), spec.injection);
  }
  if (done && !options.attach_timeout.empty()) {
    done = over("--attach-timeout", parse_duration(options.attach_timeout), spec.attach_timeout);
  }
  return done;
}

Result<void> refuse_scheduling(const UpOptions& options, const std::string& cluster) {
  const std::pair<const char*, bool> given[] = {
      {"--vc", !options.virtual_cluster.empty()},
      {"--priority", !options.priority.empty()},
      {"--sku", !options.sku.empty()},
      {"--instances", options.instances.has_value()},
      {"--storage", !options.storages.empty()},
      {"--setup", !options.setup.empty()},
      {"--inject", !options.inject.empty()},
      {"--attach-timeout", !options.attach_timeout.empty()}};
  for (const auto& [option, is_given] : given) {
    if (is_given) {
      return fail(Code::kUsage, std::string(option) + " is for OpenPAI clusters: " + cluster +
                                    " has nothing like it");
    }
  }
  return {};
}

// A template that is the cluster's own kind of document, with the options over it.
Result<cluster::JobSpec> plan_document(const fs::path& file, const UpOptions& options) {
  auto text = base::read_file(file, templates::kMaxYamlBytes);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  cluster::JobSpec::Document document{.text = *std::move(text), .file = file.string()};
  const auto settings = templates::read_openpai_settings(document);
  if (!settings) {
    return tl::make_unexpected(settings.error());
  }
  JobTemplate job;
  job.image = settings->image;
  job.lifetime = settings->lifetime;
  job.exit_with_command = settings->exit_with_command.value_or(false);
  job.login = settings->login.value_or(false);
  job.deny = settings->deny;
  if (auto applied = apply_options(options, job); !applied) {
    return tl::make_unexpected(applied.error());
  }
  cluster::JobSpec spec = spec_of(job);
  spec.document = std::move(document);
  spec.instances = settings->instances;
  spec.attach_timeout = settings->attach_timeout.value_or(spec.attach_timeout);
  if (auto applied = apply_scheduling(options, spec); !applied) {
    return tl::make_unexpected(applied.error());
  }
  return spec;
}

Result<cluster::JobSpec> plan_template(JobTemplate job, const std::string& cluster,
                                       const UpOptions& options) {
  if (job.cluster && *job.cluster != cluster) {
    return fail(Code::kUsage, "the template is for the cluster '" + *job.cluster + "', not '" +
                                  cluster + "': leave --cluster out, or name another --template");
  }
  if (auto refused = refuse_scheduling(options, cluster); !refused) {
    return tl::make_unexpected(refused.error());
  }
  if (auto applied = apply_options(options, job); !applied) {
    return tl::make_unexpected(applied.error());
  }
  return spec_of(job);
}

}  // namespace

Result<void> check_options(const UpOptions& options) {
  JobTemplate job;
  cluster::JobSpec spec;
  auto good = apply_options(options, job);
  good = good ? apply_scheduling(options, spec) : good;
  return good ? cluster::openpai::check_scheduling(spec) : good;
}

std::optional<std::string> cluster_of_template(const state::Paths& paths,
                                               const std::string& which) {
  auto job = load_template(paths, which);
  return job ? std::move(job->cluster) : std::nullopt;
}

Result<JobPlan> make_plan(const state::Paths& paths, const UpOptions& options) {
  JobPlan plan{.cluster = options.cluster, .spec = {}};
  // A template that names its cluster is of rdev's own kind; what is wrong with it is said below.
  if (plan.cluster.empty() && !options.job_template.empty()) {
    plan.cluster = cluster_of_template(paths, options.job_template).value_or("");
  }
  if (plan.cluster.empty()) {
    plan.cluster = "local";
  }
  const auto kind = cluster::Clusters::kind(paths, plan.cluster);
  if (!kind) {
    return tl::make_unexpected(kind.error());
  }
  const std::string& which = options.job_template.empty() ? *kind : options.job_template;
  Result<cluster::JobSpec> spec;
  if (*kind == "openpai") {
    const auto file = templates::find_job_template(paths, which);
    spec = file ? plan_document(*file, options) : tl::make_unexpected(file.error());
  } else {
    auto job = load_template(paths, which);
    spec = job ? plan_template(*std::move(job), plan.cluster, options)
               : tl::make_unexpected(job.error());
  }
  if (!spec) {
    return tl::make_unexpected(spec.error());
  }
  plan.spec = *std::move(spec);
  return plan;
}

}  // namespace rdev::commands
