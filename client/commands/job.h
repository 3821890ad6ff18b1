#pragma once

#include <string>
#include <vector>

#include "client/commands/verb.h"

namespace rdev::commands {

// The verbs of `rdev job`.

void add_job_list(CLI::App& job, const Chosen& chosen);
void add_job_status(CLI::App& job, const Chosen& chosen);
void add_job_config(CLI::App& job, const Chosen& chosen);
void add_job_events(CLI::App& job, const Chosen& chosen);
void add_job_logs(CLI::App& job, const Chosen& chosen);
void add_job_wait(CLI::App& job, const Chosen& chosen);
void add_job_stop(CLI::App& job, const Chosen& chosen);
void add_job_open(CLI::App& job, const Chosen& chosen);
void add_job_run(CLI::App& job, const Chosen& chosen, const std::vector<std::string>& command);
void add_job_notebook(CLI::App& job, const Chosen& chosen);
void add_job_submit(CLI::App& job, const Chosen& chosen);
void add_job_clone(CLI::App& job, const Chosen& chosen);

// Options that several have.
struct JobChoice {
  std::string cluster, job;
};
void add_job_choice(CLI::App& verb, JobChoice& choice);

}  // namespace rdev::commands
