#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "client/commands/context.h"

namespace rdev::commands {

// The verbs of `rdev job`, one file each: what it is called with becomes `*chosen`.
using Chosen = std::shared_ptr<Work>;

void add_job_list(CLI::App& job, const Chosen& chosen);
void add_job_status(CLI::App& job, const Chosen& chosen);
void add_job_config(CLI::App& job, const Chosen& chosen);
void add_job_events(CLI::App& job, const Chosen& chosen);
void add_job_logs(CLI::App& job, const Chosen& chosen);
void add_job_wait(CLI::App& job, const Chosen& chosen);
void add_job_stop(CLI::App& job, const Chosen& chosen);
void add_job_open(CLI::App& job, const Chosen& chosen);
void add_job_submit(CLI::App& job, const Chosen& chosen);
void add_job_clone(CLI::App& job, const Chosen& chosen);

// For them: the verb with its help.
CLI::App* add_verb(CLI::App& job, const char* name, const char* summary, const char* example);

// Options that several have.
struct JobChoice {
  std::string cluster, job;
};
void add_job_choice(CLI::App& verb, JobChoice& choice);

}  // namespace rdev::commands
