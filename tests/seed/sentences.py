"""Every sentence of the original description that describes behaviour: its beginning, as it stands there, in its order.

Each has a test of this package, whose docstring quotes it, or "0036 ROW", a row of docs/adr/0036-what-is-superseded.md.
"""

from __future__ import annotations

SENTENCES: tuple[tuple[str, ...], ...] = (
    ("is an MIT-licensed library", "test_notes.test_what_it_runs_on"),
    ("executing just the parts of it that need to be (re-)done", "test_introduction.test_only_the_parts_that_need_it"),
    ("It supports using multiple cores (SMP)", "test_introduction.test_multiple_cores_and_python_instances"),
    ("It supports using multiple cores (SMP) and (eventually, alpha code right now)", "0036 cluster"),
    (
        "you construct Jobs, which encapsulate output (i.e. stuff that needs to be done),",
        "test_introduction.test_jobs_encapsulate_output_invariants_and_what_is_between",
    ),
    (
        "you create a pypipegraph, you create jobs, chain them together, then ask the",
        "test_introduction.test_what_you_do",
    ),
    (
        "It examines all jobs for their need to run (either because the have not been",
        "test_introduction.test_only_the_parts_that_need_it",
        "0036 invalidated",
    ),
    (
        "It is robust against jobs dying for whatever reason (only the failed job and",
        "test_introduction.test_a_dying_job_harms_only_what_is_downstream",
    ),
    ("allows you to resume at any point 'in between' jobs", "test_introduction.test_it_resumes_between_jobs"),
    ("and isolates jobs against each other.", "test_introduction.test_jobs_are_isolated_against_each_other"),
    ("pypipegraph supports Python 3.", "test_notes.test_what_it_runs_on", "0036 Python 3"),
    ("pypipegraph.new_pipeline()", "test_introduction.test_the_thirty_second_summary"),
    (
        "print 'the pipegraph is done and has returned control to you.'",
        "test_introduction.test_the_thirty_second_summary",
        "0036 Python 3",
    ),
    (
        "print 'sampleA.txt contains \"hello world\"'",
        "test_introduction.test_the_thirty_second_summary",
        "0036 Python 3",
    ),
    (
        "All jobs have a unique name (job_id), and all but invariant preserving jobs",
        "test_kinds.test_a_unique_name_and_a_callback",
    ),
    (
        "These are generally run in a fork of the cs, they might use multi cores (if you",
        "test_kinds.test_output_jobs_modify_the_world_and_not_your_program",
    ),
    (
        "They do not modify the state of your program - neither on the mcp nor on the cs",
        "test_kinds.test_output_jobs_modify_the_world_and_not_your_program",
    ),
    (
        "These jobs are used to check that nothing changed. If it did, the downstream jobs",
        "test_kinds.test_invariants_are_evaluated_in_the_mcp",
    ),
    (
        "They are evaluated in the mcp and never 'ran' anywhere.",
        "test_kinds.test_invariants_are_evaluated_in_the_mcp",
        "0036 mcp",
    ),
    (
        "These jobs load data into a compute slave that is then available (read-only) in all",
        "test_kinds.test_loading_jobs_share_memory_read_only",
    ),
    ("load data into a compute slave", "test_loading.test_the_data_may_come_from_a_job"),
    (
        "They are not run if there isn't an output job depending on them that needs to be",
        "test_kinds.test_loading_jobs_run_for_output_jobs_only",
    ),
    ("They may run multiple times (on different machines).", "0036 cluster"),
    ("They modify compute slaves!", "test_kinds.test_loading_jobs_share_memory_read_only"),
    (
        "They extend the job graph itself - either by creating new jobs depending on the",
        "test_kinds.test_generating_jobs_extend_the_graph",
    ),
    (
        "They are executed in a compute slave (since they might well use data that was",
        "test_kinds.test_generating_jobs_extend_the_graph",
    ),
    (
        "Note: Job generating jobs are run each time the pipeline runs - otherwise we could",
        "test_kinds.test_generating_jobs_run_each_time",
    ),
    ("there are compound jobs that combine jobs for convienance.", "test_kinds.test_compound_jobs"),
    (
        "Encapsulate a tuple defining some parameters to another job. If the parameters",
        "test_invariants.test_parameter_invariant",
    ),
    ("Capture the file modification time of an input file.", "test_invariants.test_file_time_invariant"),
    (
        "Capture the file modification time, file size and the md5 sum of a file. If the",
        "test_invariants.test_file_checksum_invariant",
        "0036 checksum",
    ),
    ("Otherwise, update internal file modification time.", "test_invariants.test_its_time_is_remembered"),
    (
        "Compare (slightly sanitized) byte code of arbitrary python functions to its last",
        "test_invariants.test_function_invariant",
        "0036 byte code",
    ),
    ("This job creates an output file.", "test_outputs.test_file_generating_job"),
    (
        "It get's rerun if the output file does not exist, if it is 0 byte in size, or if",
        "test_outputs.test_what_makes_it_run_again",
        "0036 invalidated",
    ),
    (
        "Not creating the output file in its callback raises an exception.",
        "test_outputs.test_not_creating_the_file_raises",
    ),
    (
        "If the job raises an exception, the output file created so far will be removed.",
        "test_outputs.test_after_an_exception_the_file_is_removed_or_renamed",
    ),
    (
        "The job receives an implicit FunctionInvariant on its callback. This can be",
        "test_outputs.test_the_implicit_function_invariant",
    ),
    ("The jobid doubles up as the output filename.", "test_outputs.test_file_generating_job"),
    (
        "Same as a FileGeneratingJob, just that multiple (defined) files are checked and",
        "test_outputs.test_multi_file_generating_job",
    ),
    (
        "This job creates a file that directly dependand jobs might access. After those are",
        "test_outputs.test_temp_file_generating_job",
        "0036 directly",
    ),
    (
        "It does not get removed if any directly dependand job dies (instead of finishing",
        "test_outputs.test_a_temporary_stays_if_a_dependant_dies",
    ),
    (
        "It does get removed if the TempFileGeneratingJob breaks (except if you pass",
        "test_outputs.test_a_temporary_that_breaks_is_removed",
    ),
    (
        "Load data (from wherever), and store it as attribute on an object. Only occurs if",
        "test_loading.test_attribute_loading_job",
    ),
    ("Might occur multiple times on different machines.", "0036 cluster"),
    (
        "The attribute might disappear after all directly dependand jobs have been run",
        "test_loading.test_the_attribute_disappears",
    ),
    (
        "Similar to an AttributeLoadingJob, but does not do anything about the data storage",
        "test_loading.test_data_loading_job_stores_where_you_say",
    ),
    (
        "DataLoadingJobs don't directly require their prerequisits to be done - so chaining",
        "test_loading.test_a_chain_of_loads_runs_whole_or_not_at_all",
    ),
    (
        "On the plus side, the data loaded via this job does not get automatically eaten",
        "test_loading.test_data_loading_job_stores_where_you_say",
    ),
    (
        "This job injects further dependencies into jobs that already depends on it.",
        "test_generating.test_the_example_of_the_websites",
    ),
    (
        "An example: Say you want to extract the titles from a bunch of downloaded websites.",
        "test_generating.test_the_example_of_the_websites",
    ),
    (
        "DependencyInjectionJob C (upon wich Z depends on) that depends on A, creates a",
        "test_generating.test_the_example_of_the_websites",
    ),
    (
        "Z now also depends on B1..Bn and since Z also depended on C, it could not have run",
        "test_generating.test_the_example_of_the_websites",
    ),
    (
        "It is an error to add dependencies on a job that is not dependand on this",
        "test_generating.test_injecting_into_others_is_an_error",
    ),
    (
        "A DependencyInjectionJob has an implicit FunctionInvariant.",
        "test_generating.test_both_have_an_implicit_function_invariant",
    ),
    (
        "This job generates new jobs that depend on the output of an earlier one.",
        "test_generating.test_the_example_of_the_sales_team",
    ),
    (
        "Example: You want to draw a graph for each of the member of your sales team. What",
        "test_generating.test_the_example_of_the_sales_team",
    ),
    (
        "For each sales team member it creates a FileGeneratingJob that queries the database",
        "test_generating.test_the_example_of_the_sales_team",
    ),
    (
        "The FileGeneratingJobs now can run in parallel even on different machines...",
        "test_generating.test_generated_jobs_run_in_parallel",
        "0036 cluster",
    ),
    (
        "A JobGeneratingJob has an implicit FunctionInvariant.",
        "test_generating.test_both_have_an_implicit_function_invariant",
    ),
    (
        "This job wraps plotting with pyggplot. It takes two functions: one calculates the",
        "test_compound.test_plot_job",
        "0036 duck types",
    ),
    (
        "Both have their own FunctionInvariant, so you can fiddle with the plot function",
        "test_compound.test_both_functions_have_their_own_invariant",
    ),
    (
        "The calc function must return a pydataframe.DataFrame, the plot function a",
        "test_compound.test_what_the_functions_must_return",
        "0036 duck types",
    ),
    (
        "A CachedJob is a combination of of a AttributeLoadingJob and a FileGeneratingJob.",
        "test_compound.test_cached_job",
        "0036 CachedJob",
    ),
    (
        "The calc function does not get run if there are no dependencies.",
        "test_compound.test_a_cached_job_that_nobody_needs",
    ),
    (
        "It also has an implicit FunctionInvariant on it's calc function (supress just like",
        "test_compound.test_the_implicit_invariant_of_a_cached_job",
    ),
    (
        "pypipegraph has a small set of exceptions (all descending from",
        "test_exceptions.test_all_descend_from_one",
        "0036 names",
    ),
    (
        "RuntimeError get's thrown by pypipegraph.run if a job raised an exception,",
        "test_exceptions.test_runtime_error",
        "0036 communication",
    ),
    ("communication lines were broken etc", "test_exceptions.test_broken_communication_lines", "0036 communication"),
    (
        "JobContractError is stored in a job's .exception if the job's callback did not",
        "test_exceptions.test_job_contract_error",
    ),
    (
        "CycleError: you have fabricated a cycle in your dependencies. Unfortunatly it's",
        "test_exceptions.test_cycle_error",
        "0036 cycle",
    ),
    ("While the pypipegraph is running, you can terminate it with CTRL-C", "test_runtime.test_ctrl_c_terminates_it"),
    ("and query it about which jobs are running by pressing Enter", "0036 Enter"),
    (
        "You write a 'master control program' (mcp) that creates Jobs and at one point, you",
        "test_runtime.test_one_compute_slave_per_machine",
        "0036 slaves",
    ),
    (
        "Now each compute slave receives a copy of all jobs (which are just definitions, and",
        "test_runtime.test_each_compute_slave_has_all_jobs",
    ),
    (
        "One by one the mcp (talking to the resource-coordinator) asks the cs to execute",
        "test_runtime.test_control_returns_when_all_is_done_or_failed",
        "0036 one by one",
    ),
    ("prunes the graph on errors", "test_generating.test_a_generator_whose_input_fails_makes_nothing"),
    (
        "The mcp knows (thanks to the resource coordinator) about the resources available",
        "test_runtime.test_nodes_are_not_overloaded",
    ),
    ("./.pypipegraph_status_robust - stores the invariant data of all jobs", "test_files.test_the_status_store"),
    ("./logs/ppg_run.txt - the chattery debug output of every decision the pipegraph", "test_files.test_the_run_log"),
    (
        "All logging is also send to localhost 5005, and you can listen with",
        "test_files.test_logging_to_port_5005",
        "0036 listener",
    ),
    (
        "./logs/ppg_errors.txt - a log of all failed jobs and their exception/stdout/stderr",
        "test_files.test_the_error_log",
    ),
    ("./logs/ppg_graph.txt - a dump of the connected graph structure (which job depends", "test_files.test_the_graph"),
    (
        "A pipegraph and it's jobs can only be run once (but you can create multiple",
        "test_notes.test_a_pipegraph_runs_once",
    ),
    ("It is an error to create jobs before new_pipegraph() has been called.", "test_notes.test_jobs_need_a_pipegraph"),
    (
        "Jobs magically associated with the currently existing pipegraph.",
        "test_notes.test_jobs_belong_to_the_current_pipegraph",
    ),
    (
        "Invariant status is kept in a magic .pypipegraph_status file.",
        "test_files.test_the_status_store",
        "0036 status file",
    ),
    (
        "Jobs are singletonized on their id (within the existance of one pipegraph). Little",
        "test_notes.test_jobs_are_singletonized",
    ),
    (
        "Adding jobs gives you an iterable of jobs (which depends_on also takes). Adding a",
        "test_notes.test_adding_jobs",
    ),
    (
        "Executing jobs (all Output jobs) have resource attributes: cores_needed (default 1,",
        "test_notes.test_cores_needed",
    ),
    (
        "memory_needed (default = -1, means don't worry about it, just start one per core,",
        "test_notes.test_memory_needed",
    ),
    ("if you need (your_memory_specification / (memory/core)) cores", "test_notes.test_memory_needed"),
    (
        "Beware of passing instance functions to FunctionInvariants - if the job creation",
        "test_notes.test_bound_methods",
        "0036 bound methods",
    ),
    (
        "pypipegraph is developed and tested on Ubuntu. It will not work reasonably on",
        "test_notes.test_what_it_runs_on",
        "0036 Ubuntu",
    ),
    (
        "Please keep in mind that in python functions by default bind to the name of",
        "test_gotchas.test_names_are_bound_late",
    ),
    (
        "will not do what you want - you'll end up with three jobs, all writing to the same",
        "test_gotchas.test_names_are_bound_late",
        "0036 names",
    ),
    ("What you need to do is rebind the variable:", "test_gotchas.test_a_default_value_rebinds_the_variable"),
    ("#that's the magic line. Also works for lambdas", "test_gotchas.test_a_default_value_rebinds_the_variable"),
    ("We use nosetest for testing (nosetests test_pypipegraph.py)", "0036 nose"),
    ("There usually are some test cases not yet implemented.", "0036 not implemented"),
)
