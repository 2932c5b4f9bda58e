//! Texts of what is shared and what is kept: links, files, storage.

mod en;
mod ko;

super::texts! {
    /// Texts of links, files and storage.
    Keeping {
        share, share_title, share_lead, share_link, share_copy, share_long, share_save, share_open, saving_shared,
        toast_link, toast_shared, link_long, link_letter, link_short, link_newer, link_damaged,
        link_unpacked, link_shape, link_actions, link_action, link_lab, link_far, link_strayed,
        link_lesson,
        toast_other_tab, take_over, keep, keep_lead, storage_title, storage_lead, storage_used,
        storage_persist, storage_persisted, storage_not_persisted, storage_erase,
        storage_erase_all, storage_sure, saving_more,
        embed, embed_form, embed_frame, embed_react, embed_link, embed_size, embed_compact, embed_full,
        embed_colours, embed_auto, embed_light, embed_dark, embed_copy, embed_preview, embed_lab,
        picture_svg, picture_png,
    }
}
