"""Free text without the people in it: numbers, addresses, names, companies, and the respondent's own identity.

It cannot know every name: that of somebody else, alone and in lower case, stays. The surprising fact: it rather masks
too much than too little, so a street that is named after somebody goes as well; a comment is read for its words.

    hide        all of them in turn                    people      titles, contacts and names
    numbers     telephones, ids, plates, places        companies   names of companies
    addresses   links, e-mail, accounts                own         what the respondent said of himself
    letters     what these have in common
"""

from kcn_pipeline.staging.surveys.masking.hide import mask
from kcn_pipeline.staging.surveys.masking.letters import MASK

__all__ = ["MASK", "mask"]
