#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/state/paths.h"

namespace rdev::commands {

// The command line of `rdev up`; empty and nullopt: not given.
struct UpOptions {
  std::string name, cluster, image, job_template, user, ttl, publish, gpus, memory, shm;
  std::optional<double> cpus;
  std::vector<std::string> env, mounts, command;
  // Of clusters that share their nodes out themselves.
  std::string virtual_cluster, priority, sku, inject, attach_timeout;
  std::optional<int> instances;
  std::vector<std::string> storages, setup;
  std::string like;  // the name of a job of the history, see like.h
  bool no_entrypoint = false;
  bool exit_with_command = false;
  bool preview = false;
  bool json = false;
};

// What is to be started, without its keys, id and agent.
struct JobPlan {
  std::string cluster;
  cluster::JobSpec spec;
};

// Code::kUsage "--gpus: …" when an option is not written as it has to be, whatever the cluster.
Result<void> check_options(const UpOptions& options);

// The cluster that the template named `which` is for; nullopt also when it cannot be read.
std::optional<std::string> cluster_of_template(const state::Paths& paths, const std::string& which);

// The template with the options over it. The cluster is that of --cluster, else the template's,
// else "local"; defaults are in the options already (defaults.h).
Result<JobPlan> make_plan(const state::Paths& paths, const UpOptions& options);

}  // namespace rdev::commands
