//! One suite for every back end: each case is a function of a [`Ground`], run on SQLite and on PostgreSQL.
//!
//! PostgreSQL is never skipped: without `LEASEHOLD_TEST_POSTGRES`, the URL of a database on a server where the tests may
//! create more, its cases fail.

mod audit;
mod committing;
mod credentials;
mod doubts;
mod grants;
mod ground;
mod holds;
mod invitations;
mod keys;
mod lease_search;
mod leases;
mod mcp_tokens;
mod opening;
mod organizations;
mod people;
mod quotas;
mod replicas;
mod statements;
mod tokens;
mod world;

macro_rules! suite {
    ($($file:ident { $($case:ident),* $(,)? })*) => {
        mod on_sqlite {
            $(mod $file {
                $(#[tokio::test]
                async fn $case() {
                    super::super::$file::$case(&super::super::ground::Ground::sqlite().await).await;
                })*
            })*
        }
        mod on_postgres {
            $(mod $file {
                $(#[tokio::test]
                async fn $case() {
                    super::super::$file::$case(&super::super::ground::Ground::postgres().await).await;
                })*
            })*
        }
    };
}

suite! {
    audit {
        a_chain_grows_from_its_head_alone,
        checkpoints_and_settings_are_kept,
        records_are_found_over_all_chains,
        a_search_looks_at_a_bounded_stretch,
        a_role_that_changes_is_told_from_a_new_member,
        the_database_tells_how_it_is_set_up,
    }
    committing {
        one_bad_mutation_fails_alone,
        one_renewal_left_is_granted_once,
        a_revocation_comes_first_in_its_batch,
        a_fence_refuses_every_use_at_once,
        the_token_is_judged_with_the_lease,
        every_batch_continues_the_chain,
        a_revocation_reaches_as_far_as_its_authority,
    }
    credentials {
        the_first_is_primary_and_deleting_it_promotes_the_oldest,
        a_rotation_needs_the_next_version,
        every_change_raises_epoch_and_revision,
        holdings_are_ordered_and_carry_revisions,
        a_client_of_an_organization_holds_what_that_holds,
        a_corrupt_row_costs_nobody_the_others,
        resealing_walks_through_what_the_newest_key_did_not_seal,
        entitlements_tell_the_present,
        updates_change_what_is_named_and_raise_revisions,
        lists_are_of_everybody_or_of_one_owner,
        holders_are_told_with_their_roles,
    }
    doubts {
        a_change_is_worked_off_in_bounded_parts,
        a_fence_is_settled_when_a_whole_pass_finds_nothing,
        changes_share_a_call,
        fences_of_every_kind_find_their_leases,
    }
    grants {
        one_refresher_has_the_claim_until_it_runs_out,
        what_is_due_is_shared_out_among_services,
        what_the_service_says_leaves_the_owners_switch,
        a_link_takes_each_step_once,
        calls_are_counted_up_to_the_limit,
    }
    holds {
        a_new_lease_holds,
        a_fence_matches_by_each_field,
        a_later_lease_is_not_fenced,
        it_ends_with_its_holder,
        it_ends_with_its_mcp_token_not_with_its_access_token,
        it_is_stale_when_an_epoch_moved,
        a_client_of_an_organization_is_stale_by_its_role,
    }
    invitations {
        an_address_is_invited_once,
        an_invitation_is_accepted_once,
        an_invitation_falls_with_whoever_made_it,
        sending_again_is_a_new_secret_and_a_new_time,
        a_new_user_comes_with_the_acceptance_or_not_at_all,
        membership_uses_an_invitation_up,
        invitations_are_listed_and_pruned,
    }
    keys {
        data_keys_are_unique_by_version,
        signing_keys_retire,
        the_last_key_that_signs_is_not_withdrawn,
        a_withdrawal_is_counted,
    }
    lease_search {
        searches_filter_as_the_model_judges,
        a_page_looks_at_a_bounded_number,
        live_leases_are_tallied,
    }
    leases {
        what_is_inserted_reads_back,
        updates_write_what_can_change,
        sources_keep_their_order_and_are_updated,
        lists_filter_as_the_model_judges,
        lists_page,
        due_leases_are_shared_out,
        reuse_finds_the_newest_live_one,
        ended_leases_are_pruned,
        a_corrupt_row_costs_nobody_the_others,
        a_transaction_dropped_never_happened,
        many_rows_are_one_statement,
    }
    mcp_tokens {
        they_are_found_by_digest,
        the_text_before_is_good_for_a_while,
        a_revocation_takes_along_what_was_minted,
        what_is_told_reads_back,
        lists_filter_as_the_model_judges,
    }
    opening {
        a_newer_schema_is_refused,
        an_older_schema_is_refused_unless_it_may_be_migrated,
        a_schema_of_another_program_is_refused,
        what_was_written_is_there_after_reopening,
    }
    organizations {
        an_organization_is_founded_with_its_owner,
        organizations_are_listed_for_whom_they_concern,
        members_are_listed_from_both_sides,
        nobody_is_a_member_twice,
        an_organization_is_changed_as_it_was_read,
        a_suspension_by_a_patch_ends_what_a_suspension_ends,
        a_deleted_organization_leaves_its_name_alone,
        nothing_is_written_for_a_deleted_organization,
        a_role_carries_what_is_shared_with_it,
    }
    people {
        users_are_unique_by_address,
        a_membership_ends_as_a_tombstone,
        an_organization_keeps_an_owner,
        what_is_not_there_is_missing,
        statuses_raise_epochs,
        lists_are_walked_in_each_order,
        a_change_needs_what_it_relied_on,
    }
    quotas { counters_move_and_are_recounted, keys_stand_for_a_day }
    statements { every_statement_prepares }
    tokens {
        access_tokens_need_their_client_as_it_was_read,
        facts_follow_the_holder,
        revoking_answers_which_were_live,
        uses_are_counted_up_to_the_limit,
        clients_keep_digests_until_they_run_out,
        a_secret_that_ran_out_gets_no_token,
        old_tokens_are_pruned,
        resources_are_registered,
        clients_are_updated_and_deleted,
        a_client_keeps_few_secrets,
    }
}
